# settings.spawn: what agents are like that the manager asks for, under the names of hive.json.
{ lib }:
let
  inherit (lib) mkOption types;
  limits = import ./limits.nix { inherit lib; };
in
{
  most = mkOption {
    type = types.ints.between 0 1000;
    default = 8;
    example = 3;
    description = "How many such agents there may be at a time. `0`: none may be asked for.";
  };
  network = mkOption {
    type = types.enum [
      "private"
      "none"
    ];
    default = "private";
    example = "none";
    description = ''
      `private`: out through the host's address translation; `none`: nothing, not even the model's
      API.
    '';
  };
  limits = {
    inherit (limits) cpu memory tasks;
    question_seconds = limits.questionSeconds;
    turn_seconds = limits.turnSeconds;
  };
}
