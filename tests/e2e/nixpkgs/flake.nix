# The nixpkgs of the testbed: the stand-in that the modules' tests evaluate, whose systems can be built.
{
  description = "A stand-in for nixpkgs whose NixOS systems are made of the testbed's own programs";

  outputs =
    { self }:
    let
      standIn = (import ./stubs/flake.nix).outputs { inherit self; };
    in
    standIn
    // {
      lib = standIn.lib // {
        nixosSystem =
          arguments:
          standIn.lib.nixosSystem (arguments // { modules = arguments.modules ++ [ ./toplevel.nix ]; });
      };
    };
}
