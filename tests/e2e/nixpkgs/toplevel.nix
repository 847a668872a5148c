# The system as a derivation. Its builder is the testbed's own Python (system_builder.py), which puts together
# what the configuration says; packages are what it depends on, and the programs are the machine's.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  seen = import ./seen.nix { inherit lib; };
  failed = seen.failed config;
  user = config.users.users.agent;

  # As git's own files are written; a string in it needs no more escapes than in JSON.
  gitconfig = lib.concatLines (
    lib.concatLists (
      lib.mapAttrsToList (
        section: values:
        [ "[${section}]" ] ++ lib.mapAttrsToList (name: value: "${name} = ${builtins.toJSON value}") values
      ) config.programs.git.config
    )
  );

  said = {
    inherit (config.networking) hostName;
    etc =
      lib.mapAttrs (
        _: file: if file.text == null then { link = file.source; } else { inherit (file) text; }
      ) (seen.filesOf config)
      // lib.optionalAttrs config.programs.git.enable { gitconfig.text = gitconfig; };
    tmpfiles = config.systemd.tmpfiles.rules;
    units = seen.unitsOf config "";
    user = {
      inherit (user) home uid;
      inherit (config.users.groups.agent) gid;
    };
  };
in
{
  system.build.toplevel =
    if failed != [ ] then
      throw "Failed assertions:\n${lib.concatLines (map (each: "- ${each}") failed)}"
    else
      derivation {
        name = "nixos-system-${config.networking.hostName}";
        system = config.nixpkgs.hostPlatform;
        builder = "/bin/sh";
        args = [
          "-c"
          "exec /opt/hyperhive/bin/python -S -m tests.e2e.system_builder $saidPath $out"
        ];
        PATH = "/usr/bin";
        PYTHONPATH = "/opt/checkout";
        packages = map toString config.environment.systemPackages;
        said = builtins.toJSON said;
        passAsFile = [ "said" ];
      };
}
