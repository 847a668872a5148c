# The network of the agents' containers: out through one interface, and nowhere else. A table of its own,
# which the kernel asks besides whatever firewall the host has: a packet passes if both let it.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.hyperhive;
  inherit (config.networking) firewall nftables;

  # Both ends of every agent's link lie in here (render/network.py); systemd-nspawn names the host's.
  network = "10.231.0.0/16";
  agents = ''"ve-h-*"'';
  outside = ''"${toString cfg.externalInterface}"'';

  private = lib.any (agent: agent.network == "private") (lib.attrValues cfg.agents);
  outwards = private && cfg.externalInterface != null;

  rules = ''
    chain prerouting {
      type filter hook prerouting priority raw; policy accept;
      # An agent speaks with its own address: the one for which the host would take this way back.
      iifname ${agents} fib saddr . iif oif missing drop
    }

    chain input {
      type filter hook input priority filter - 5; policy accept;
      # Answers to the host come in. No port of the host is open, whatever the address, IPv6 included.
      iifname ${agents} ct state established,related accept
      iifname ${agents} drop
    }

    chain forward {
      type filter hook forward priority filter - 5; policy accept;
      iifname ${agents} jump from-agent
      oifname ${agents} ct state established,related accept
      oifname ${agents} drop
    }

    chain from-agent {
      # What is local to the host's link; in a cloud, the place that hands out the host's credentials.
      ip daddr 169.254.0.0/16 drop
      ${lib.optionalString outwards "meta nfproto ipv4 oifname ${outside} accept"}
      drop
    }

    chain postrouting {
      type nat hook postrouting priority srcnat; policy accept;
      ${lib.optionalString outwards "ip saddr ${network} oifname ${outside} masquerade"}
    }
  '';

  nft = lib.getExe pkgs.nftables;
  file = pkgs.writeText "hyperhive.nft" cfg.ruleset;
in
{
  options.services.hyperhive.ruleset = lib.mkOption {
    type = lib.types.str;
    internal = true;
    readOnly = true;
    description = "The firewall's table, as nft(8) reads it.";
  };

  config = lib.mkIf cfg.enable {
    # Replaced in one transaction: there is no moment without rules.
    services.hyperhive.ruleset = ''
      table inet hyperhive
      delete table inet hyperhive
      table inet hyperhive {
      ${rules}
      }
    '';

    # As networking.nat does it; what may be forwarded from and to agents, the table says.
    boot.kernel.sysctl = lib.mkIf private {
      "net.ipv4.conf.all.forwarding" = lib.mkOverride 99 true;
      "net.ipv4.conf.default.forwarding" = lib.mkOverride 99 true;
    };

    # The drop-in of a container with a network requires this unit: none starts before the host is closed
    # to it, and none stays when it is stopped.
    systemd.services.hyperhive-firewall = {
      description = "Firewall between the host and the containers of the hive ${cfg.name}";
      wantedBy = [ "multi-user.target" ];
      # A restart would restart the containers.
      reloadIfChanged = true;

      serviceConfig = import ./hardening.nix // {
        ExecStart = "${nft} --file ${file}";
        ExecReload = "${nft} --file ${file}";
        ExecStop = "${nft} delete table inet hyperhive";
        Type = "oneshot";
        RemainAfterExit = true;
        # Rules are the network's: root's, in the host's own, through netlink.
        CapabilityBoundingSet = [ "CAP_NET_ADMIN" ];
        PrivateNetwork = false;
        RestrictAddressFamilies = [ "AF_NETLINK" ];
      };
    };

    # nixos-containers gives the links their addresses. systemd-networkd, where the host has it, has a file
    # of its own for every ve-* (80-container-ve.network), and would give others, serve DHCP and translate
    # addresses there. Of its files the first that matches counts.
    systemd.network.networks."05-hyperhive" = {
      matchConfig.Name = "ve-h-*";
      linkConfig.Unmanaged = true;
    };

    # NixOS's own nftables.service deletes the tables that it loaded, when it stops too; so this is none
    # of them. But with flushRuleset it empties the kernel, whenever it is started, reloaded or stopped, by
    # a switch that takes it away too. These commands it runs in one transaction with that, each time:
    # there is no moment without this table, and no container ends with that service.
    networking.nftables.extraDeletions = lib.mkIf (
      nftables.enable && nftables.flushRuleset
    ) cfg.ruleset;
    networking.firewall.extraForwardRules =
      lib.mkIf (outwards && nftables.enable && firewall.filterForward)
        ''
          iifname ${agents} oifname ${outside} accept
        '';
  };
}
