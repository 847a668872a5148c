# What evaluation can know to be wrong, each with the agent and the option that mends it. The rest is
# found when hive.json is built, by `hyperhive check`.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) concatMap elem filter mapAttrsToList;
  cfg = config.services.hyperhive;

  names = lib.attrNames cfg.agents;
  managers = filter (name: cfg.agents.${name}.role == "manager") names;
  reserved = [
    "all"
    "operator"
    "system"
  ];

  uidBase = import ./uid-base.nix { inherit lib; };

  option = name: path: "services.hyperhive.agents.${name}.${path}";
  quoted = values: lib.concatMapStringsSep ", " (value: "`${value}'") values;

  # Assertions on one agent.
  ofAgent =
    name: agent:
    let
      recipients = names ++ [ "operator" ] ++ lib.optional (managers != [ ]) "manager";
      unknownRecipients = filter (to: !elem to recipients) agent.recipients;
      unknownPackages = filter (
        package: !lib.hasAttrByPath (lib.splitString "." package) pkgs
      ) agent.packages;
      stored = lib.attrNames (lib.filterAttrs (_: inStore) agent.credentials);
      fullRules = filter (rule: builtins.match "[[:space:]]*Bash[(].*" rule != null) (
        agent.bash.allow ++ agent.bash.deny
      );
    in
    [
      {
        assertion = builtins.match "[a-z]([a-z0-9-]{0,7}[a-z0-9])?" name != null;
        message = "services.hyperhive.agents: `${name}' is not a name for an agent; use at most 9 characters: a lower-case letter first, then letters, digits and hyphens, no hyphen last.";
      }
      {
        assertion = !elem name reserved;
        message = "services.hyperhive.agents: `${name}' is reserved; name the agent otherwise (not ${quoted reserved}).";
      }
      {
        assertion = name == "manager" -> agent.role == "manager";
        message = "services.hyperhive.agents: the name `manager' belongs to the agent whose role is manager; set ${option name "role"} = \"manager\", or name the agent otherwise.";
      }
      {
        assertion = unknownRecipients == [ ];
        message = "${option name "recipients"}: ${quoted unknownRecipients} not in the hive; use the names of agents, `manager' where an agent has that role, or `operator'.";
      }
      {
        assertion = !(agent.mcp ? hyperhive);
        message = "${option name "mcp"}: `hyperhive' is the name of hyperhive's own server; give this one another name.";
      }
      {
        assertion = unknownPackages == [ ];
        message = "${option name "packages"}: ${quoted unknownPackages} not in nixpkgs; look the attribute name up with `nix search nixpkgs'.";
      }
      {
        assertion = stored == [ ];
        message = "${option name "credentials"}: ${quoted stored} in the Nix store, where everyone can read it; name a file outside of it, as a string.";
      }
      {
        assertion = fullRules == [ ];
        message = "${option name "bash"}: ${quoted fullRules} written as a full rule; write only what stands inside the parentheses.";
      }
      {
        assertion = agent.nixDaemon -> agent.network != "none";
        message = "${option name "nixDaemon"}: builds have the host's network, but ${option name "network"} = \"none\"; leave it out, or set the network to \"private\".";
      }
      {
        assertion = agent.uidBase == null || uidBase.valid agent.uidBase;
        message = "${option name "uidBase"}: ${toString agent.uidBase} is no base of a range; use a multiple of ${toString uidBase.size} from ${toString uidBase.first} to ${toString uidBase.last}.";
      }
    ];

  # Agents that have one and the same uid range, whether it was declared or computed.
  baseOf = name: if cfg.agents.${name}.uidBase == null then uidBase.of name else cfg.agents.${name}.uidBase;
  shared = lib.filterAttrs (_: sharing: lib.length sharing > 1) (
    lib.groupBy (name: toString (baseOf name)) names
  );
  ofShared = base: sharing: {
    assertion = false;
    message = "services.hyperhive.agents: ${quoted sharing} have the same host uids, from ${base} on; set ${option (lib.last sharing) "uidBase"} to another multiple of ${toString uidBase.size}.";
  };

  # Who is to reach the world, without a way out.
  private = filter (name: cfg.agents.${name}.network == "private") names;

  inStore = file: file != null && lib.hasPrefix builtins.storeDir file;
  isLoopback = address: address == "::1" || lib.hasPrefix "127." address;
in
{
  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = lib.versionAtLeast config.system.stateVersion "22.05";
        message = "system.stateVersion: for ${config.system.stateVersion} NixOS keeps containers in /etc/containers and /var/lib/containers, where hyperhive has none; move them to /etc/nixos-containers and /var/lib/nixos-containers, see to what else changed up to 22.05, and set it to \"22.05\" or newer.";
      }
      {
        assertion = names != [ ];
        message = "services.hyperhive.agents: the hive has no agent; declare at least one.";
      }
      {
        assertion = lib.length managers <= 1;
        message = "services.hyperhive.agents: ${quoted managers} have role = \"manager\"; leave it to one of them.";
      }
      {
        assertion = private == [ ] || cfg.externalInterface != null;
        message = "services.hyperhive.externalInterface: ${quoted private} have a private network, which leads nowhere; name the interface that leads out (`ip route show default' prints it after dev), or set their network to \"none\".";
      }
      {
        assertion = !inStore cfg.dashboard.tokenFile;
        message = "services.hyperhive.dashboard.tokenFile is in the Nix store, where everyone can read it; name a file outside of it, as a string.";
      }
      {
        assertion =
          cfg.dashboard.port != null && cfg.dashboard.tokenFile == null -> isLoopback cfg.dashboard.bind;
        message = "services.hyperhive.dashboard: other machines can connect to ${cfg.dashboard.bind}; set services.hyperhive.dashboard.tokenFile, or bind = \"127.0.0.1\".";
      }
      {
        assertion = cfg.notify.command == [ ] || lib.hasPrefix "/" (lib.head cfg.notify.command);
        message = "services.hyperhive.notify.command: `${lib.head cfg.notify.command}' is not an absolute path; name the program by its path, as with lib.getExe.";
      }
    ]
    ++ mapAttrsToList ofShared shared
    ++ concatMap lib.id (mapAttrsToList ofAgent cfg.agents);

    warnings =
      map (
        name:
        "${option name "network"} = \"host\": the agent reaches everything that listens on this host, without isolation."
      ) (filter (name: cfg.agents.${name}.network == "host") names)
      ++ map (
        name:
        "${option name "nixDaemon"}: what the agent builds is built on this host, on its network and beyond the container's limits."
      ) (filter (name: cfg.agents.${name}.nixDaemon) names);
  };
}
