{
  description = "A stand-in for nixpkgs: just enough to load this project's flake and evaluate its modules";

  outputs =
    { self }:
    let
      lib = import ./lib;
    in
    {
      lib = lib // {
        nixosSystem = arguments: import ./nixos/lib/eval-config.nix ({ system = null; } // arguments);
      };
      legacyPackages = lib.genAttrs [ "aarch64-linux" "x86_64-linux" ] (
        system: import ./. { inherit system; }
      );
    };
}
