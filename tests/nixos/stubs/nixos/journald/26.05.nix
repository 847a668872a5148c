# services.journald until 26.05.
{ lib, ... }:
let
  inherit (lib) mkOption types;
in
{
  options.services.journald = {
    extraConfig = mkOption {
      type = types.lines;
      default = "";
    };
    storage = mkOption {
      type = types.enum [
        "auto"
        "none"
        "persistent"
        "volatile"
      ];
      default = "persistent";
    };
  };
}
