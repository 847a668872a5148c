# The options of NixOS 26.05 that this project's modules set or read; those that 26.11 has changed stand
# in files of their own, one for each. Types are as strict as the real ones where that is cheap, so that
# a misspelt or misplaced value is refused here too.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;

  option = type: default: mkOption { inherit type default; };
  flag = option types.bool false;
  list = option (types.listOf types.str) [ ];
  submodules =
    options:
    option (types.attrsOf (types.submodule { inherit options; })) { };

  # A file of /etc, given as text or as a path.
  file =
    { config, name, ... }:
    {
      options = {
        source = mkOption { type = types.path; };
        text = option (types.nullOr types.lines) null;
      };
      config.source = lib.mkIf (config.text != null) (lib.mkDefault (pkgs.writeText (baseNameOf name) config.text));
    };

  unitValue = types.oneOf [
    types.bool
    types.int
    types.str
    (types.listOf types.str)
  ];
  section = option (types.attrsOf unitValue) { };

  # What units of every type have.
  units =
    more:
    submodules (
      {
        after = list;
        before = list;
        bindsTo = list;
        conflicts = list;
        description = option types.singleLineStr "";
        documentation = list;
        partOf = list;
        requires = list;
        restartTriggers = option (types.listOf types.raw) [ ];
        # Only where it is set is it a line of the unit.
        startLimitIntervalSec = mkOption { type = types.int; };
        unitConfig = section;
        wantedBy = list;
        wants = list;
      }
      // more
    );
in
{
  options = {
    assertions = option (types.listOf types.raw) [ ];
    warnings = option (types.listOf types.str) [ ];

    boot.enableContainers = flag;
    boot.isNspawnContainer = flag;
    boot.kernel.sysctl = option (types.attrsOf (
      types.nullOr (types.oneOf [
        types.bool
        types.int
        types.str
      ])
    )) { };

    documentation.enable = option types.bool true;
    environment.systemPackages = option (types.listOf types.package) [ ];
    environment.etc = option (types.attrsOf (types.submodule file)) { };

    networking.firewall.allowedTCPPorts = option (types.listOf types.port) [ ];
    networking.firewall.enable = option types.bool true;
    networking.firewall.extraForwardRules = option types.lines "";
    networking.firewall.filterForward = flag;
    networking.nat.externalInterface = option (types.nullOr types.str) null;
    networking.nftables.enable = flag;
    networking.nftables.extraDeletions = option types.lines "";
    networking.nftables.flushRuleset = flag;
    networking.resolvconf.enable = option types.bool true;
    networking.useHostResolvConf = option types.bool false;
    networking.hostName = option types.str "nixos";
    networking.useDHCP = option types.bool true;

    nix.enable = option types.bool true;
    nix.package = option types.package pkgs.nix;
    nix.settings = option (types.attrsOf types.anything) { };
    nixpkgs.config = option (types.attrsOf types.raw) { };
    nixpkgs.flake.source = option (types.nullOr types.str) null;
    nixpkgs.hostPlatform = mkOption { type = types.str; };

    programs.git.enable = flag;
    programs.git.config = option (types.attrsOf (types.attrsOf types.anything)) { };

    security.polkit.enable = flag;
    security.polkit.extraConfig = option types.lines "";
    security.sudo.enable = option types.bool true;
    services.nginx.enable = flag;
    services.nginx.virtualHosts = option (types.attrsOf types.anything) { };
    specialisation = submodules { configuration = mkOption { type = types.raw; }; };
    system.build.toplevel = option types.package (pkgs.writeText "nixos-system" "");
    system.stateVersion = option types.str lib.trivial.release;
    system.switch.enable = option types.bool true;
    systemd.network.enable = flag;
    systemd.network.networks = submodules {
      linkConfig = section;
      matchConfig = section;
    };
    systemd.oomd.enable = option types.bool true;
    systemd.package = option types.package pkgs.systemd;
    systemd.tmpfiles.rules = option (types.listOf types.str) [ ];
    systemd.services = units {
      environment = option (types.attrsOf (types.nullOr types.str)) { };
      notSocketActivated = flag;
      path = option (types.listOf types.package) [ ];
      reloadIfChanged = flag;
      restartIfChanged = option types.bool true;
      serviceConfig = section;
      stopIfChanged = option types.bool true;
    };
    systemd.sockets = units {
      listenStreams = list;
      socketConfig = section;
    };
    systemd.timers = units { timerConfig = section; };
    systemd.paths = units { pathConfig = section; };
    systemd.targets = units { };

    users.allowNoPasswordLogin = flag;
    users.mutableUsers = option types.bool true;
    users.groups = submodules {
      gid = option (types.nullOr types.int) null;
    };
    users.users = submodules {
      autoSubUidGidRange = flag;
      createHome = flag;
      description = option types.str "";
      group = option types.str "";
      home = option types.str "/var/empty";
      isNormalUser = flag;
      isSystemUser = flag;
      shell = option (types.nullOr types.package) null;
      uid = option (types.nullOr types.int) null;
      useDefaultShell = flag;
    };
  };

  # Of machines of tests.
  options.virtualisation = {
    additionalPaths = option (types.listOf types.package) [ ];
    memorySize = option types.int 1024;
    useNixStoreImage = flag;
    writableStore = flag;
  };

  # NixOS's own, at each evaluation.
  config.warnings =
    let
      online = "network-online.target";
      warned =
        type: units:
        map (name: "${name}.${type} is ordered after '${online}' but doesn't depend on it") (
          lib.attrNames (
            lib.filterAttrs (
              _: unit:
              lib.elem online unit.after && !lib.elem online (unit.wants ++ unit.requires ++ unit.bindsTo)
            ) units
          )
        );
    in
    lib.concatLists (
      lib.mapAttrsToList warned {
        path = config.systemd.paths;
        service = config.systemd.services;
        socket = config.systemd.sockets;
        target = config.systemd.targets;
        timer = config.systemd.timers;
      }
    );

  config._module.args.pkgs = lib.mkDefault (
    import ../default.nix { system = config.nixpkgs.hostPlatform; }
  );
}
