# An agent in its container is nobody on the host.
{ pkgs, self }:
pkgs.testers.runNixOSTest {
  name = "hyperhive-nobody";
  nodes.host = import ./hive.nix { inherit self; };

  testScript = ''
    host.wait_for_unit("container@h-alice.service")
    host.wait_for_file("/run/hyperhive/agents/alice/mcp.sock")

    def inside(command):
        """Run as the container's root."""
        return f"systemd-run --machine=h-alice --pipe --wait --quiet --collect -- sh -c '{command}'"

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
        host.fail(inside("touch /nix/var/nix/profiles/mine"))
        host.succeed(inside("touch /nix/var/nix/gcroots/mine"))
        host.fail("test -e /nix/var/nix/gcroots/per-container/h-alice/mine")
        host.fail(inside("umount /nix/var/nix/profiles"))
        host.fail(inside("mount -o remount,rw /nix/var/nix/profiles"))

    with subtest("it sees neither the host nor other agents"):
        host.fail(inside("test -e /run/hyperhive/operator.sock"))
        host.fail(inside("test -e /run/hyperhive/agents"))
        host.fail(inside("test -e /var/lib/hyperhive"))
        host.fail(inside("pgrep -f hyperhive-watch"))

    with subtest("no other user reaches its sockets"):
        host.succeed("useradd --no-create-home stranger")
        host.fail("runuser -u stranger -- ls /run/hyperhive/agents/alice")
  '';
}
