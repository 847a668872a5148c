# The NixOS module inside an agent's container: the harness, and what claude finds around it.
{
  imports = [
    ./claude.nix
    ./container.nix
    ./harness.nix
    ./options.nix
    ./packages.nix
    ./settings.nix
    ./users.nix
  ];
}
