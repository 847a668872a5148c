# What the tests ask of this project's modules, under a nixpkgs tree that is a stand-in or a real one.
{
  nixpkgs,
  modules ? [ ],
  system ? "x86_64-linux",
}:
let
  lib = import (nixpkgs + "/lib");

  inherit (import ./seen.nix { inherit lib; }) failed filesOf unitsOf;

  configuration =
    given:
    import (nixpkgs + "/nixos/lib/eval-config.nix") {
      system = null;
      modules = [ { nixpkgs.hostPlatform = system; } ] ++ given ++ modules;
    };

  # What a JSON file in /etc says; fromJSON takes no string that names store paths.
  fileOf =
    config: name:
    builtins.fromJSON (builtins.unsafeDiscardStringContext config.environment.etc.${name}.text);

  unitOf = unit: {
    inherit (unit)
      description
      restartTriggers
      serviceConfig
      stopIfChanged
      wantedBy
      ;
  };

  # Options that a user may set, with what the manual would say of them.
  described =
    prefix: options:
    map
      (option: {
        inherit (option) name;
        described = option.description or null != null;
        default = option ? default;
      })
      (
        lib.filter (option: !(option.internal or false) && lib.hasPrefix prefix option.name) (
          lib.optionAttrSetToDocList options
        )
      );
in
{
  agent =
    let
      evaluated = configuration [ ../../modules/agent ];
      inherit (evaluated) config;
    in
    {
      settings = fileOf config "hyperhive/agent.json";
      managed = fileOf config "claude-code/managed-settings.d/50-hyperhive.json";
      etc = filesOf config;
      files = lib.attrNames config.environment.etc;
      units = unitsOf config "hyperhive";
      tmpfiles = config.systemd.tmpfiles.rules;
      harness = unitOf config.systemd.services.hyperhive-harness;
      packages = map lib.getName config.environment.systemPackages;
      unfree = map config.nixpkgs.config.allowUnfreePredicate [
        { pname = "claude-code"; }
        { pname = "another"; }
      ];
      user = {
        inherit (config.users.users.agent)
          createHome
          group
          home
          uid
          ;
        inherit (config.users.groups.agent) gid;
      };
      hostName = config.networking.hostName;
      nix = { inherit (config.nix) enable settings; };
      firewall = config.networking.firewall.enable;
      nspawn = config.boot.isNspawnContainer;
      journald =
        config.services.journald.settings.Journal or {
          inherit (config.services.journald) extraConfig storage;
        };
      inherit (config) warnings;
      stateVersion = config.system.stateVersion;
      git = config.programs.git.config;
      declared = { inherit (config.hyperhive.agent) model role uidBase; };
      failed = failed config;
      options = described "hyperhive.agent." evaluated.options;
      toplevel = config.system.build.toplevel.drvPath;
    };

  host =
    let
      # A container is a machine that needs neither a boot loader nor file systems.
      machine = {
        boot.isNspawnContainer = true;
        system.stateVersion = "26.05";
      };
      evaluated = configuration [
        ../../modules
        machine
      ];
      inherit (evaluated) config;
    in
    {
      inherit (config.services.hyperhive) hive;
      inherit (config) warnings;
      etc = filesOf config;
      files = lib.attrNames config.environment.etc;
      units = unitsOf config "hyperhive";
      # What the module adds to the template of nixos-containers.
      template = (unitsOf config "container@")."container@.service";
      tmpfiles = config.systemd.tmpfiles.rules;
      polkit = config.security.polkit.extraConfig;
      # What `nft --file` is given.
      nftables = config.services.hyperhive.ruleset;
      # Whose links systemd-networkd leaves alone.
      networks = lib.mapAttrs (_: network: { inherit (network) linkConfig matchConfig; }) (
        lib.filterAttrs (name: _: lib.hasInfix "hyperhive" name) config.systemd.network.networks
      );
      # What the host's own nftables.service runs whenever it takes its tables away.
      deletions = config.networking.nftables.extraDeletions;
      # The units' texts; the stand-in for NixOS writes none.
      unitTexts = lib.mapAttrs (_: unit: unit.text) (
        lib.filterAttrs (name: _: lib.hasPrefix "hyperhive" name) config.systemd.units
      );
      sysctl = config.boot.kernel.sysctl;
      broker = unitOf config.systemd.services.hyperhive;
      user = { inherit (config.users.users.hyperhive) group isSystemUser; };
      containers = config.boot.enableContainers;
      failed = failed config;
      options = described "services.hyperhive." evaluated.options;
      toplevel = config.system.build.toplevel.drvPath;
    };
}
