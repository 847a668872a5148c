# What an evaluated configuration says, as data.
{ lib }:
{
  # Assertions that do not hold, as NixOS would print them.
  failed = config: map (each: each.message) (lib.filter (each: !each.assertion) config.assertions);

  # Every file of /etc: what it says, and where it lies.
  filesOf =
    config:
    lib.mapAttrs (_: file: {
      source = toString file.source;
      text = file.text or null;
    }) config.environment.etc;

  # Units whose names begin with `prefix`, with everything that systemd is told of them; unit_text.py
  # writes them as NixOS does.
  unitsOf =
    config: prefix:
    let
      type =
        suffix: members: units:
        lib.mapAttrs' (
          name: unit:
          lib.nameValuePair "${name}.${suffix}" (
            {
              inherit (unit)
                after
                before
                bindsTo
                conflicts
                description
                documentation
                partOf
                requires
                unitConfig
                wantedBy
                wants
                ;
              # Without a default: to ask for what nobody set is an error.
              startLimitIntervalSec =
                let
                  limit = builtins.tryEval unit.startLimitIntervalSec;
                in
                if limit.success then limit.value else null;
            }
            // members unit
          )
        ) (lib.filterAttrs (name: _: lib.hasPrefix prefix name) units);
    in
    type "service" (unit: {
      inherit (unit) environment serviceConfig;
      path = map toString unit.path;
    }) config.systemd.services
    // type "socket" (unit: { inherit (unit) listenStreams socketConfig; }) config.systemd.sockets
    // type "timer" (unit: { inherit (unit) timerConfig; }) config.systemd.timers
    // type "path" (unit: { inherit (unit) pathConfig; }) config.systemd.paths
    // type "target" (_: { }) config.systemd.targets;
}
