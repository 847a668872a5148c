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
    environment.systemPackages = [
      pkgs.git
    ]
    ++ lib.optional (cfg.claude == null) cfg.claudePackage
    ++ map named cfg.packages;
  };
}
