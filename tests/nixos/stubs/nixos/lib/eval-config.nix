# A NixOS configuration of the given modules, with the options that this project's modules set. They are
# those of a release: what ../../unstable asks for is the next one's.
{
  modules,
  release ? "26.05",
  system ? null,
  specialArgs ? { },
}:
let
  lib = import ../../lib;
in
lib.evalModules {
  inherit specialArgs;
  modules = [
    ../options.nix
    (../journald + "/${release}.nix")
  ]
  ++ lib.optional (system != null) { nixpkgs.hostPlatform = system; }
  ++ modules;
}
