# /etc/hyperhive/agent.json: what the harness is told when it starts. Rules that allow and forbid are
# put together here once, for the harness's flags and for claude's managed settings alike.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.hyperhive.agent;

  rules = mkOption {
    type = types.listOf types.str;
    internal = true;
    readOnly = true;
    description = "Full rules in Claude Code's grammar, as the harness and claude get them.";
  };

  # Where the manager proposes changes, and where it reads what became of them.
  forManager = path: if cfg.role == "manager" then path else null;

  bashRule = specifier: "Bash(${specifier})";

  # One rule for a whole MCP server, or one for each tool of it that may run.
  serverRules =
    server: declared:
    if lib.elem "*" declared.tools then
      [ "mcp__${server}" ]
    else
      map (tool: "mcp__${server}__${tool}") declared.tools;
in
{
  options.hyperhive.agent.rules = {
    allow = rules;
    deny = rules;
  };

  config = lib.mkIf cfg.enable {
    hyperhive.agent.rules = {
      allow =
        map bashRule cfg.bash.allow
        ++ cfg.tools.allow
        ++ [ "mcp__hyperhive" ]
        ++ lib.concatLists (lib.mapAttrsToList serverRules cfg.mcp);
      deny = map bashRule cfg.bash.deny ++ cfg.tools.deny;
    };

    environment.etc."hyperhive/agent.json".text = builtins.toJSON {
      inherit (cfg) environment hive name;
      inherit (cfg.rules) allow deny;
      available = cfg.tools.available;
      claude = if cfg.claude == null then lib.getExe cfg.claudePackage else cfg.claude;
      config = "/claude";
      credentials = lib.genAttrs cfg.credentials (variable: "hyperhive.${variable}");
      launcher = "unit";
      mcp = lib.mapAttrs (_: server: { inherit (server) args command environment; }) cfg.mcp;
      proposals = forManager "/applied";
      proposed = forManager "/agents";
      sockets = "/run/hyperhive";
      state = "/state";
      system_prompt = cfg.systemPrompt;
      turn_seconds = cfg.turnSeconds;
    };
  };
}
