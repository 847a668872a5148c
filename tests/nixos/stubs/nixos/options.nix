# The options of NixOS that this project's modules set or read. Types are as strict as the real ones
# where that is cheap, so that a misspelt or misplaced value is refused here too.
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
in
{
  options = {
    assertions = option (types.listOf types.raw) [ ];
    warnings = option (types.listOf types.str) [ ];

    boot.enableContainers = flag;
    boot.isNspawnContainer = flag;

    documentation.enable = option types.bool true;
    environment.systemPackages = option (types.listOf types.package) [ ];
    environment.etc = option (types.attrsOf (types.submodule file)) { };

    networking.firewall.enable = option types.bool true;
    networking.hostName = option types.str "nixos";
    networking.useDHCP = option types.bool true;

    nix.settings = option (types.attrsOf types.anything) { };
    nixpkgs.config = option (types.attrsOf types.raw) { };
    nixpkgs.flake.source = option (types.nullOr types.str) null;
    nixpkgs.hostPlatform = mkOption { type = types.str; };

    security.sudo.enable = option types.bool true;
    services.journald.extraConfig = option types.lines "";
    system.stateVersion = option types.str lib.trivial.release;
    systemd.oomd.enable = option types.bool true;

    systemd.package = option types.package pkgs.systemd;
    systemd.tmpfiles.rules = option (types.listOf types.str) [ ];
    systemd.services = submodules {
      after = option (types.listOf types.str) [ ];
      description = option types.singleLineStr "";
      environment = option (types.attrsOf (types.nullOr types.str)) { };
      path = option (types.listOf types.package) [ ];
      restartIfChanged = option types.bool true;
      restartTriggers = option (types.listOf types.raw) [ ];
      requires = option (types.listOf types.str) [ ];
      serviceConfig = option (types.attrsOf unitValue) { };
      startLimitIntervalSec = mkOption { type = types.int; };
      stopIfChanged = option types.bool true;
      unitConfig = option (types.attrsOf unitValue) { };
      wantedBy = option (types.listOf types.str) [ ];
      wants = option (types.listOf types.str) [ ];
    };

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

  config._module.args.pkgs = lib.mkDefault (
    import ../default.nix { system = config.nixpkgs.hostPlatform; }
  );
}
