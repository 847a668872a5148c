# A path of the host that one agent's container sees.
{ lib, ... }:
let
  inherit (lib) mkOption types;
in
{
  options = {
    source = mkOption {
      type = types.strMatching "/.*";
      example = "/srv/shared";
      description = "Path on the host. What the agent may write must belong to its uid range.";
    };
    target = mkOption {
      type = types.strMatching "/.*";
      example = "/srv/shared";
      description = "Path in the container.";
    };
    writable = mkOption {
      type = types.bool;
      default = false;
      example = true;
      description = "Whether the agent may write there.";
    };
  };
}
