# Claude Code's managed settings: they stand above every other settings file and every flag, and lie
# read-only in the store, so that nothing an agent writes into its own files widens its rules. They
# steer and audit; the boundary is the container.
{ config, lib, ... }:
let
  cfg = config.hyperhive.agent;

  # What the harness adds for the agent that proposes changes.
  proposing = [
    "Edit(//agents/**)"
    "Read(//applied/**)"
  ]
  ++ map (command: "Bash(git ${command})") [
    "add *"
    "cat-file -p *"
    "commit *"
    "diff"
    "diff --cached"
    "diff HEAD"
    "log"
    "log --oneline"
    "restore *"
    "rev-parse *"
    "show"
    "show HEAD"
    "status"
    "status *"
    "tag"
    "tag -l *"
  ];

  # Tools with which claude would reach other sessions by itself. Who may write to whom is the hive's to
  # say, and its broker carries each message.
  ownMessaging = [
    "ListAgents"
    "ListPeers"
    "RemoteTrigger"
    "SendMessage"
  ];
in
{
  config = lib.mkIf cfg.enable {
    environment.etc."claude-code/managed-settings.d/50-hyperhive.json".text = builtins.toJSON {
      permissions = {
        deny = cfg.rules.deny ++ ownMessaging;
        # Rules given by flags do not count beside managed ones, so what the harness adds to its
        # flags, the agent's own work directory and notes, stands here too.
        allow = cfg.rules.allow ++ [
          "Edit(//state/work/**)"
          "Edit(//state/notes.md)"
        ]
        ++ lib.optionals (cfg.role == "manager") proposing;
        # Whatever no rule allows is denied: nobody is there to be asked.
        defaultMode = "dontAsk";
        disableBypassPermissionsMode = "disable";
      };
      allowManagedHooksOnly = true;
      allowManagedPermissionRulesOnly = true;
      # Nor do other sessions reach this one, or a background service keep one beyond its turn.
      crossSessionInbound = "refuse";
      disableAgentView = true;
      disableClaudeAiConnectors = true;
      disableRemoteControl = true;
      # A commit is the agent's, under the name that its git configuration gives.
      attribution = {
        commit = "";
        pr = "";
      };
    };

    # Not free software; an agent's container is of no use without it.
    nixpkgs.config.allowUnfreePredicate = package: lib.getName package == "claude-code";
  };
}
