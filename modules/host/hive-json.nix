# /etc/hyperhive/hive.json: the declared hive in the shape that every other way of declaring one has.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.hyperhive;

  # A table whose members of two words have the names that hive.json has for them.
  renamed =
    names: table:
    removeAttrs table (lib.attrValues names) // lib.mapAttrs (_: option: table.${option}) names;

  agent =
    declared:
    renamed {
      extra_nix = "extraNix";
      nix_daemon = "nixDaemon";
      system_prompt = "systemPrompt";
      uid_base = "uidBase";
      wake_for_operator = "wakeForOperator";
    } declared
    // {
      conversation = renamed {
        compact_percent = "compactPercent";
        notes_kib = "notesKib";
      } declared.conversation;
      limits = renamed {
        question_seconds = "questionSeconds";
        turn_seconds = "turnSeconds";
      } declared.limits;
    };

  unchecked = (pkgs.formats.json { }).generate "hive.json" cfg.hive;
in
{
  config = lib.mkIf cfg.enable {
    services.hyperhive.hive = {
      agents = lib.mapAttrs (_: agent) cfg.agents;
      hive = cfg.settings // {
        inherit (cfg)
          model
          name
          nameservers
          notify
          ;
        claude = if cfg.claudePackage == null then null else lib.getExe cfg.claudePackage;
        dashboard = renamed { token_file = "tokenFile"; } cfg.dashboard;
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
