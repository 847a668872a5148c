# /etc/hyperhive/hive.json: the declared hive in the shape that every other way of declaring one has.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.hyperhive;

  agent =
    declared:
    removeAttrs declared [
      "extraNix"
      "systemPrompt"
      "uidBase"
    ]
    // {
      extra_nix = declared.extraNix;
      limits = removeAttrs declared.limits [ "turnSeconds" ] // {
        turn_seconds = declared.limits.turnSeconds;
      };
      system_prompt = declared.systemPrompt;
      uid_base = declared.uidBase;
    };

  unchecked = (pkgs.formats.json { }).generate "hive.json" cfg.hive;
in
{
  config = lib.mkIf cfg.enable {
    services.hyperhive.hive = {
      agents = lib.mapAttrs (_: agent) cfg.agents;
      hive = cfg.settings // {
        inherit (cfg) model name;
        system_prompt = cfg.systemPrompt;
      };
    };

    # What evaluation cannot know (the grammar of rules, uid ranges that collide) ends the build, not
    # the broker of a host that has already switched.
    environment.etc."hyperhive/hive.json".source = pkgs.runCommand "hive.json" { } ''
      ${lib.getExe cfg.package} check ${unchecked} >&2
      cp ${unchecked} $out
    '';
  };
}
