# What `journalctl --catalog` says of the hive's events. journalctl looks below /usr/local and in
# systemd's own package, nowhere in /etc, and reads what it made of both: a database that is made anew
# when the package changes.
{
  config,
  lib,
  ...
}:
let
  cfg = config.services.hyperhive;
  directory = "/usr/local/lib/systemd/catalog";
  catalog = "${cfg.package}/lib/systemd/catalog/hyperhive.catalog";
in
{
  config = lib.mkIf cfg.enable {
    systemd.tmpfiles.rules = [ "L+ ${directory}/hyperhive.catalog - - - - ${catalog}" ];

    systemd.services.hyperhive-catalog = {
      description = "Journal catalog of hyperhive";
      wantedBy = [ "multi-user.target" ];
      restartTriggers = [ catalog ];

      serviceConfig = import ./hardening.nix // {
        ExecStart = "${config.systemd.package}/bin/journalctl --update-catalog";
        Type = "oneshot";
        RemainAfterExit = true;
        ReadWritePaths = [ "/var/lib/systemd/catalog" ];
        StateDirectory = "systemd/catalog";
        UMask = "0022";
      };
    };
  };
}
