# The part of nixpkgs' `lib` that this project's modules use, so that they can be evaluated where no
# nixpkgs is at hand. It is partial on purpose: a name that is missing here is an error, and what
# passes here must pass under a real nixpkgs too (the tests take one from HYPERHIVE_NIXPKGS).
let
  basics = import ./basics.nix;
  lib =
    basics
    // import ./options.nix { inherit lib; }
    // import ./modules.nix { inherit lib; }
    // {
      types = import ./types.nix { inherit lib; };
    };
in
lib
