# Out through one interface, and nowhere else; beside each of NixOS's own firewalls.
{ pkgs, self }:
pkgs.testers.runNixOSTest {
  name = "hyperhive-firewall";
  nodes = {
    iptables = import ./hive.nix { inherit self; };
    nftables = {
      imports = [ (import ./hive.nix { inherit self; }) ];
      networking.nftables.enable = true;
      # It empties the kernel of every table, the agents' too, whenever it is loaded or stopped.
      networking.nftables.flushRuleset = true;
      networking.firewall.filterForward = true;
    };
    world = {
      networking.firewall.allowedTCPPorts = [ 80 ];
      services.nginx.enable = true;
      services.nginx.virtualHosts.world.locations."/".return = "200 reached";
    };
  };

  testScript = ''
    world.wait_for_open_port(80)
    there = world.succeed("ip -4 -brief address show eth1").split()[2].split("/")[0]
    for host in (iptables, nftables):
        host.wait_for_unit("container@h-alice.service")
        host.wait_for_open_port(8710)

        def inside(command):
            """Run in the container."""
            return f"systemd-run --machine=h-alice --pipe --wait --quiet --collect -- {command}"

        curl = "${pkgs.curl}/bin/curl --max-time 5 --silent --fail"
        ping = "${pkgs.iputils}/bin/ping -c 1 -W 2"
        host.wait_until_succeeds(inside(f"{curl} http://{there}/"))
        own = host.succeed("ip -4 -brief address show eth1").split()[2].split("/")[0]
        gateway = host.succeed("sed -n s/^HOST_ADDRESS=//p /etc/nixos-containers/h-alice.conf").strip()
        boss = host.succeed("sed -n s/^LOCAL_ADDRESS=//p /etc/nixos-containers/h-boss.conf").strip()
        host.succeed(inside(f"{ping} {there}"))
        for address in (own, gateway, boss):
            host.succeed(f"{ping} {address}")
            host.fail(inside(f"{ping} {address}"))
        host.succeed("systemctl reload hyperhive-firewall.service")
        host.succeed(inside(f"{curl} http://{there}/"))

    run = "systemctl show --property=InvocationID container@h-alice.service"
    before = nftables.succeed(run)
    for verb in ("reload", "restart", "stop", "start"):
        nftables.succeed(f"systemctl {verb} nftables.service")
        nftables.succeed("nft list table inet hyperhive")
    assert nftables.succeed(run) == before
  '';
}
