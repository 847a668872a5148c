# Name servers for private networks: containers cannot reach a resolver on the host's loopback, and the
# host's servers change when it moves between networks.
{ config, lib, ... }:
let
  cfg = config.services.hyperhive;
in
{
  config = lib.mkIf cfg.enable {
    systemd.paths.hyperhive-resolver = {
      description = "Changes of the host's name servers";
      wantedBy = [ "multi-user.target" ];
      pathConfig.PathChanged = [
        "/etc/resolv.conf"
        "/run/systemd/resolve/resolv.conf"
      ];
    };

    systemd.services.hyperhive-resolver = {
      description = "Name servers for the containers of the hive ${cfg.name}";
      wantedBy = [ "multi-user.target" ];
      restartTriggers = [ config.environment.etc."hyperhive/hive.json".source ];
      # A network that comes and goes changes the file many times in a row.
      startLimitIntervalSec = 0;

      serviceConfig = import ./hardening.nix // {
        ExecStart = "${lib.getExe cfg.package} resolver";
        Type = "oneshot";
        # Root's, so that nobody else says where agents ask for names; without a single capability.
        ReadWritePaths = [ "/run/hyperhive-resolver" ];
        # The containers' root is a stranger here, and reads the file.
        UMask = "0022";
      };
    };
  };
}
