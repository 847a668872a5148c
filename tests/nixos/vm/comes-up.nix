# `nixos-rebuild switch` is all that it takes: agents start, and answer.
{ pkgs, self }:
pkgs.testers.runNixOSTest {
  name = "hyperhive-comes-up";
  nodes.host = import ./hive.nix { inherit self; };

  testScript = ''
    host.wait_for_unit("multi-user.target")
    host.succeed("systemctl show --property=Result hyperhive-reconcile.service | grep success")
    for agent in ("alice", "boss"):
        host.wait_for_unit(f"container@h-{agent}.service")
        host.wait_until_succeeds(
            f"hyperhive agents --json | grep -E '\"name\": \"{agent}\"' && "
            "! hyperhive agents --json | grep -E '\"state\": \"(offline|starting)\"'"
        )

    with subtest("a message wakes an agent, and the answer comes back"):
        host.succeed("hyperhive send alice 'are you there'")
        host.wait_until_succeeds("hyperhive inbox --keep | grep 'alice got: are you there'")

    with subtest("a restart of the broker is none of the agents' business"):
        before = host.succeed("systemctl show --property=InvocationID container@h-alice.service")
        host.succeed("systemctl restart hyperhive.service")
        host.succeed("hyperhive send alice 'and now'")
        host.wait_until_succeeds("hyperhive inbox --keep | grep 'alice got: and now'")
        after = host.succeed("systemctl show --property=InvocationID container@h-alice.service")
        assert before == after

    with subtest("the operator stops and starts an agent"):
        host.succeed("hyperhive agent stop alice")
        host.fail("systemctl is-active container@h-alice.service")
        host.succeed("hyperhive agent start alice")
        host.wait_for_unit("container@h-alice.service")

    with subtest("the journal explains the hive's events"):
        host.succeed("journalctl --catalog --no-pager -u hyperhive.service | grep -- '-- Subject'")
  '';
}
