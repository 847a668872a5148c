# What is on the agent's PATH: `packages` by name, and what claude itself calls.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.hyperhive.agent;

  named =
    name:
    lib.attrByPath (lib.splitString "." name) (throw ''
      hyperhive.agent.packages of ${cfg.name}: nixpkgs has no package `${name}'.
      Look the attribute name up with `nix search nixpkgs`, and correct it in the declared hive.'') pkgs;
in
{
  config = lib.mkIf cfg.enable {
    # What the manager reads is the broker's, whom it does not see.
    programs.git = lib.mkIf (cfg.role == "manager") {
      enable = true;
      config.safe.directory = "*";
    };

    environment.systemPackages = [
      pkgs.git
    ]
    ++ lib.optional (cfg.claude == null) cfg.claudePackage
    ++ map named cfg.packages;
  };
}
