# The broker's user. Members of its group may talk to the operator's socket.
{ config, lib, ... }:
let
  cfg = config.services.hyperhive;
in
{
  config = lib.mkIf cfg.enable {
    users.groups.hyperhive = { };
    users.users.hyperhive = {
      description = "hyperhive's broker";
      group = "hyperhive";
      home = "/var/lib/hyperhive";
      isSystemUser = true;
    };
  };
}
