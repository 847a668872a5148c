# What an agent's rendered agent.nix may say. The names and meanings are those of the declared hive;
# whether a rule or a name makes sense was checked when the hive was rendered.
{ lib, pkgs, ... }:
let
  inherit (lib) mkEnableOption mkOption types;

  strings =
    description: example:
    mkOption {
      type = types.listOf types.str;
      default = [ ];
      inherit description example;
    };
in
{
  options.hyperhive.agent = {
    enable = mkEnableOption "an agent of a hyperhive in this container";

    package = mkOption {
      type = types.package;
      default = pkgs.callPackage ../../pkgs/hyperhive { };
      defaultText = lib.literalExpression "pkgs.callPackage ./pkgs/hyperhive { }";
      description = "The hyperhive whose harness runs the agent.";
    };

    claudePackage = mkOption {
      type = types.package;
      default = pkgs.claude-code;
      defaultText = lib.literalExpression "pkgs.claude-code";
      description = "The Claude Code that the harness runs, one process a turn, unless `claude` names one.";
    };

    claude = mkOption {
      type = types.nullOr (types.strMatching "/.*");
      default = null;
      example = "/nix/store/00000000000000000000000000000000-claude-code/bin/claude";
      description = ''
        The executable to run instead, by its path. It lies in the host's store, which the container
        sees; the host keeps it there.
      '';
    };

    name = mkOption {
      type = types.strMatching "[a-z]([a-z0-9-]{0,7}[a-z0-9])?";
      example = "alice";
      description = "Name of the agent. Its container is `h-` and this name.";
    };

    hive = mkOption {
      type = types.strMatching "[a-z][a-z0-9-]{0,30}";
      example = "lab";
      description = "Name of its hive. Commits of the agent are by NAME@HIVE.hive.internal.";
    };

    role = mkOption {
      type = types.enum [
        "agent"
        "manager"
      ];
      default = "agent";
      description = "What the agent is in its hive.";
    };

    description = mkOption {
      type = types.str;
      default = "";
      example = "Writes and reviews Rust.";
      description = "What the agent is for, as the operator and the other agents read it.";
    };

    icon = mkOption {
      type = types.str;
      default = "";
      example = "🐝";
      description = "A character or two that stand for the agent on pages.";
    };

    model = mkOption {
      type = types.str;
      example = "opus";
      description = ''
        The model declared for the agent. The broker names the model of each turn; this is what it
        begins with.
      '';
    };

    systemPrompt = mkOption {
      type = types.str;
      default = "";
      description = "The whole text that is added to Claude Code's own system prompt.";
    };

    turnSeconds = mkOption {
      type = types.ints.positive;
      default = 3600;
      description = "Seconds after which a turn is ended.";
    };

    bash = {
      allow = strings "Commands that may run: the text inside `Bash(…)`." [
        "git status"
        "make test"
      ];
      deny = strings "Commands that may not run, whatever else allows them." [ "git push *" ];
    };

    tools = {
      available = mkOption {
        type = types.listOf types.str;
        default = [
          "Bash"
          "Read"
          "Edit"
          "Write"
          "Glob"
          "Grep"
        ];
        description = "Built-in tools that exist for the agent at all.";
      };
      allow = strings "Rules that let a tool run, in Claude Code's grammar." [ "WebFetch(domain:docs.rs)" ];
      deny = strings "Rules that forbid a tool, in Claude Code's grammar." [ "Read(//etc/**)" ];
    };

    mcp = mkOption {
      type = types.attrsOf (
        types.submodule {
          options = {
            command = mkOption {
              type = types.str;
              example = "github-mcp-server";
              description = "The program, by path or by name on the PATH. It speaks MCP on stdin and stdout.";
            };
            args = strings "Its arguments." [ "stdio" ];
            environment = mkOption {
              type = types.attrsOf types.str;
              default = { };
              example.LOG_LEVEL = "warn";
              description = "Variables of its environment.";
            };
            tools = mkOption {
              type = types.listOf types.str;
              default = [ "*" ];
              example = [ "search_issues" ];
              description = "Its tools that may run; `*` is every one.";
            };
          };
        }
      );
      default = { };
      description = "MCP servers that claude starts besides hyperhive's own.";
    };

    packages = strings ''
      Packages on the agent's PATH, by their attribute name in nixpkgs. Names, not packages: what a
      proposal may change is data.
    '' [
      "ripgrep"
      "python3Packages.black"
    ];

    environment = mkOption {
      type = types.attrsOf types.str;
      default = { };
      example.RUST_BACKTRACE = "1";
      description = "Variables of claude and of everything it starts. They lie in the Nix store, readable by all.";
    };

    credentials = mkOption {
      type = types.listOf (types.strMatching "[A-Za-z_][A-Za-z0-9_]*");
      default = [ ];
      example = [ "ANTHROPIC_API_KEY" ];
      description = ''
        Variables whose value the container gets as the systemd credential `hyperhive.VARIABLE`. It
        is read at each turn and never written to the store.
      '';
    };

    network = mkOption {
      type = types.enum [
        "private"
        "none"
        "host"
      ];
      default = "private";
      description = "The network that the host gives the container.";
    };

    nixDaemon = mkEnableOption ''
      Nix in the container, for builds with the host's daemon. Whether the container sees the
      daemon is the host's to say'';

    uidBase = mkOption {
      type = types.nullOr types.ints.unsigned;
      default = null;
      example = 1073741824;
      description = "The host's uid that is root in the container, for reference; the host's configuration decides.";
    };

    stateVersion = mkOption {
      type = types.str;
      default = "26.05";
      description = "`system.stateVersion` of the container.";
    };
  };
}
