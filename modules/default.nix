# The NixOS module of the host: declares a hive, writes it to /etc/hyperhive/hive.json and runs it.
{
  imports = [
    ./host/asserts.nix
    ./host/broker.nix
    ./host/catalog.nix
    ./host/containers.nix
    ./host/directories.nix
    ./host/firewall.nix
    ./host/hive-json.nix
    ./host/notify.nix
    ./host/options.nix
    ./host/polkit.nix
    ./host/reconcile.nix
    ./host/resolver.nix
    ./host/root.nix
    ./host/socket.nix
    ./host/users.nix
    ./host/vacuum.nix
    ./host/watch.nix
  ];
}
