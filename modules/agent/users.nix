# The user that claude runs as. Its uid is part of the design: on the host it is the container's first
# uid plus 1000, which is how the broker tells claude's processes from the container's root.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.hyperhive.agent;
in
{
  config = lib.mkIf cfg.enable {
    # Where claude runs.
    systemd.tmpfiles.rules = [ "d /state/work 0755 agent agent -" ];

    users = {
      # Nobody logs in: the harness starts what runs here, the host opens terminals.
      allowNoPasswordLogin = true;
      mutableUsers = false;

      groups.agent.gid = 1000;
      users.agent = {
        # An ordinary user, whose uid is 1000 and up, without what NixOS gives to people.
        isNormalUser = true;
        autoSubUidGidRange = false;
        createHome = false;
        description = "Agent ${cfg.name}";
        group = "agent";
        # Bound in by the host, which owns it to this user.
        home = "/state";
        shell = pkgs.bashInteractive;
        uid = 1000;
      };
    };
  };
}
