# An agent in its container is nobody on the host.
{ pkgs, self }:
pkgs.testers.runNixOSTest {
  name = "hyperhive-nobody";
  nodes.host = import ./hive.nix { inherit self; };

  testScript = ''
    host.wait_for_unit("container@h-alice.service")
    host.wait_for_file("/run/hyperhive/agents/alice/mcp.sock")

    def inside(command):
        """Run as the container's root, with the programs that an operator has there."""
        path = "--setenv=PATH=/run/current-system/sw/bin"
        run = f"systemd-run --machine=h-alice --pipe --wait --quiet --collect {path}"
        return f"{run} -- /bin/sh -c '{command}'"

    base = int(host.succeed("sed -n s/^PRIVATE_USERS=//p /etc/nixos-containers/h-alice.conf"))
    state = "/var/lib/hyperhive/agents/alice/state"

    with subtest("its uids are its own range's"):
        host.succeed(inside("touch /state/root && runuser -u agent -- touch /state/agent"))
        assert host.succeed(f"stat -c %u:%g {state}/root").strip() == f"{base}:{base}"
        owned = f"{base + 1000}:{base + 1000}"
        assert host.succeed(f"stat -c %u:%g {state}/agent").strip() == owned

    with subtest("a setuid program of its is nobody's"):
        host.succeed(inside("cp $(readlink -f $(command -v id)) /state/id && chmod 4755 /state/id"))
        assert host.succeed(f"stat -c %u {state}/id").strip() == str(base)

    with subtest("it can make nothing that is the host's"):
        host.succeed(inside("test -e /nix/var/nix/profiles/system"))
        host.fail(inside("touch /nix/var/nix/profiles/mine"))
        host.succeed(inside("touch /nix/var/nix/gcroots/mine"))
        host.succeed("test -d /nix/var/nix/gcroots/per-container/h-alice")
        host.fail("test -e /nix/var/nix/gcroots/per-container/h-alice/mine")
        # What it mounted itself it may remount, and unmount.
        host.succeed(inside("mkdir /own && mount -t tmpfs own /own"))
        host.succeed(inside("mount -o remount,ro /own && umount /own"))
        host.fail(inside("umount /nix/var/nix/profiles"))
        host.fail(inside("mount -o remount,bind,rw /nix/var/nix/profiles"))

    with subtest("it sees neither the host nor other agents"):
        host.succeed(inside("test -S /run/hyperhive/mcp.sock && pgrep -f [h]yperhive"))
        host.succeed("test -S /run/hyperhive/operator.sock && test -d /run/hyperhive/agents")
        host.fail(inside("test -e /run/hyperhive/operator.sock"))
        host.fail(inside("test -e /run/hyperhive/agents"))
        host.fail(inside("test -e /var/lib/hyperhive"))
        host.succeed("pgrep -f [h]yperhive.*watch")
        host.fail(inside("pgrep -f [h]yperhive.*watch"))

    with subtest("no other user reaches its sockets, or its tree"):
        for place in ("/run/hyperhive/agents/alice", "/var/lib/nixos-containers/h-alice"):
            host.succeed(f"ls {place}")
            host.fail(f"runuser -u stranger -- ls {place}")
        host.succeed("runuser -u stranger -- ls /run /var/lib")

    with subtest("what is destroyed is not started"):
        host.succeed("hyperhive agent destroy alice")
        host.fail("systemctl start container@h-alice.service")
        host.succeed("journalctl -u container@h-alice.service | grep 'asserts failed'")
  '';
}
