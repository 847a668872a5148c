# The NixOS module of the host: declares a hive, writes it to /etc/hyperhive/hive.json and runs the broker.
{
  imports = [
    ./host/asserts.nix
    ./host/broker.nix
    ./host/hive-json.nix
    ./host/options.nix
    ./host/users.nix
  ];
}
