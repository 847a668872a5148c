# The host follows the declaration; what leaves it is stopped and kept.
{ pkgs, self }:
pkgs.testers.runNixOSTest {
  name = "hyperhive-reconcile";
  nodes.host = {
    imports = [ (import ./hive.nix { inherit self; }) ];
    # Machines of tests have none unless they say so.
    system.switch.enable = true;
    specialisation.changed.configuration =
      { lib, ... }:
      {
        services.hyperhive.agents = lib.mkForce {
          alice.limits.memory = "1G";
          alice.uidBase = 1048576;
        };
      };
  };

  testScript = ''
    host.wait_for_unit("container@h-boss.service")
    host.wait_for_unit("container@h-alice.service")

    with subtest("a second run changes nothing"):
        host.succeed("systemctl start hyperhive-reconcile.service")
        assert "nothing to do" in host.succeed("hyperhive reconcile --dry-run")

    host.succeed("test -e /etc/nixos-containers/h-boss.conf")
    with subtest("a switch changes limits and ranges, and retires who left"):
        host.succeed("/run/current-system/specialisation/changed/bin/switch-to-configuration test")
        host.wait_for_unit("container@h-alice.service")
        memory = host.succeed("systemctl show --value --property=MemoryMax container@h-alice.service")
        assert int(memory) == 2**30
        host.succeed("test $(stat -c %u /var/lib/hyperhive/agents/alice/state) = 1049576")
        host.fail("systemctl is-active container@h-boss.service")
        host.fail("test -e /etc/nixos-containers/h-boss.conf")
        host.succeed("test -d /var/lib/hyperhive/agents/boss/state")
  '';
}
