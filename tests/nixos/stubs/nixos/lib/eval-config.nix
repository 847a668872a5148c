# A NixOS configuration of the given modules, with the options that this project's modules set.
{
  modules,
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
  ]
  ++ lib.optional (system != null) { nixpkgs.hostPlatform = system; }
  ++ modules;
}
