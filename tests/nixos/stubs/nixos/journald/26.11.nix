# services.journald from 26.11 on (NixOS/nixpkgs#536538): what it had before is an error or a warning.
{ lib, ... }:
let
  inherit (lib) mkOption types;
in
{
  options.services.journald.settings.Journal = mkOption {
    type = types.attrsOf (
      types.oneOf [
        types.bool
        types.int
        types.str
      ]
    );
    default = { };
  };
}
