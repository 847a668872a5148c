# A crash reaches the manager, with its reason; an operator's stop is none.
{ pkgs, self }:
pkgs.testers.runNixOSTest {
  name = "hyperhive-crash";
  nodes.host = import ./hive.nix { inherit self; };

  testScript = ''
    host.wait_for_unit("container@h-alice.service")
    host.wait_for_unit("container@h-boss.service")
    host.wait_for_file("/run/hyperhive/agents/alice/mcp.sock")
    mail = "hyperhive messages --json --agent boss"

    with subtest("the operator's stop makes no notice"):
        host.succeed("hyperhive agent restart alice")
        host.wait_for_unit("container@h-alice.service")
        host.succeed(mail)
        host.fail(f"{mail} | grep container_crash")

    with subtest("kill -9 of its systemd-nspawn makes one"):
        host.succeed("systemctl kill --kill-whom=main --signal=KILL container@h-alice.service")
        host.wait_until_succeeds(f"{mail} | grep container_crash", timeout=5)
        host.wait_for_unit("container@h-alice.service")
  '';
}
