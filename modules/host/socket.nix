# Where the operator plane listens. systemd holds these sockets: what connects while the broker
# restarts waits for it, and the broker itself needs no way to open a port.
{ config, lib, ... }:
let
  cfg = config.services.hyperhive;
  inherit (cfg) dashboard;

  isIPv6 = lib.hasInfix ":" dashboard.bind;
  address = "${if isIPv6 then "[${dashboard.bind}]" else dashboard.bind}:${toString dashboard.port}";

  # A switch leaves a changed socket as it was; under another name it is another unit, and the former
  # one is stopped.
  place = lib.replaceStrings [ "." ":" "[" "]" ] [ "-" "-" "" "" ] address;

  sockets = [
    "hyperhive.socket"
  ]
  ++ lib.optional (dashboard.port != null) "hyperhive-dashboard-${place}.socket";
in
{
  config = lib.mkIf cfg.enable {
    systemd.sockets = {
      hyperhive = {
        description = "Operator's socket of the hive ${cfg.name}";
        wantedBy = [ "sockets.target" ];
        listenStreams = [ "/run/hyperhive/operator.sock" ];
        socketConfig = {
          FileDescriptorName = "operator";
          SocketUser = "hyperhive";
          SocketGroup = "hyperhive";
          # Members of the group are operators.
          SocketMode = "0660";
          # The directory is made by tmpfiles; should it be missing, nobody may look into it meanwhile.
          DirectoryMode = "0750";
        };
      };
    }
    // lib.optionalAttrs (dashboard.port != null) {
      "hyperhive-dashboard-${place}" = {
        description = "Dashboard of the hive ${cfg.name}";
        wantedBy = [ "sockets.target" ];
        listenStreams = [ address ];
        socketConfig = {
          FileDescriptorName = "dashboard";
          Service = "hyperhive.service";
          # The address may come to its interface later.
          FreeBind = true;
        };
      };
    };

    systemd.services.hyperhive = {
      requires = sockets;
      after = sockets;
    };
  };
}
