# One agent of the declared hive: everything that `services.hyperhive.agents.NAME` may say.
{ lib, ... }:
let
  inherit (lib) mkEnableOption mkOption types;

  listed =
    description: example:
    mkOption {
      type = types.listOf types.singleLineStr;
      default = [ ];
      inherit description example;
    };
  orNone =
    type: attributes:
    mkOption (
      {
        type = types.nullOr type;
        default = null;
      }
      // attributes
    );
in
{
  options = {
    role = mkOption {
      type = types.enum [
        "agent"
        "manager"
      ];
      default = "agent";
      description = "`manager` proposes changes to other agents; at most one agent has this role.";
    };

    description = mkOption {
      type = types.singleLineStr;
      default = "";
      example = "Writes and tests the parser";
      description = "What the agent is for, in one line; the other agents see it.";
    };

    icon = mkOption {
      type = types.singleLineStr;
      default = "";
      example = "🐝";
      description = "An emoji or a few letters shown beside the name.";
    };

    model = orNone types.str {
      example = "opus";
      description = "The model of this agent; null: the hive's.";
    };

    systemPrompt = mkOption {
      type = types.lines;
      default = "";
      example = "You own the parser. Ask alice before you change its grammar.";
      description = "Added to the agent's system prompt, after the hive's.";
    };

    autostart = mkOption {
      type = types.bool;
      default = true;
      example = false;
      description = "Whether the agent starts with the hive.";
    };

    bash = {
      allow = listed ''
        Commands that may run: the text inside `Bash(...)` of Claude Code's rules. A trailing ` *`
        stands for any arguments.
      '' [ "git status" "make test" ];
      deny = listed ''
        Commands that may not run, whatever else allows them. Rules steer; the container is the
        boundary.
      '' [ "git push *" ];
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
        example = [
          "Bash"
          "Read"
        ];
        description = "Built-in tools that exist for the agent at all.";
      };
      allow = listed ''
        Full rules of what may be done without asking. `./` is the directory that claude runs in,
        `//` the root of the container.
      '' [ "Edit(./**)" "WebFetch(domain:docs.rs)" ];
      deny = listed "Full rules of what may not be done, whatever else allows it." [ "Read(.env)" ];
    };

    packages = listed "Programs in the container, by their attribute names in nixpkgs." [
      "ripgrep"
      "python3Packages.requests"
    ];

    mcp = mkOption {
      type = types.attrsOf (types.submodule ./mcp-server.nix);
      default = { };
      example.github = {
        command = "github-mcp-server";
        args = [ "stdio" ];
      };
      description = "Further MCP servers by name.";
    };

    environment = mkOption {
      type = types.attrsOf types.str;
      default = { };
      example.LANG = "C.UTF-8";
      description = ''
        Variables of claude and everything it starts. They are world-readable on the host: no
        secrets here.
      '';
    };

    credentials = mkOption {
      type = types.attrsOf (types.strMatching "/.*");
      default = { };
      example.ANTHROPIC_API_KEY = "/run/secrets/anthropic";
      description = ''
        Variables whose values are secrets: each names a file of the host that holds the value,
        outside of the Nix store. A string, not a path: a path would be copied into the store.
      '';
    };

    recipients = listed ''
      Whom the agent may write to: agents, `manager`, `operator`. Empty: anyone.
    '' [ "manager" "operator" ];

    limits = import ./limits.nix { inherit lib; };

    conversation = {
      compactPercent = mkOption {
        type = types.either (types.enum [ 0 ]) (types.ints.between 20 95);
        default = 75;
        example = 60;
        description = ''
          Share of the model's context window, in percent, from which the conversation is compacted
          after a turn; the agent saves its notes first. `0`: only when a prompt no longer fits.
        '';
      };
      notesKib = mkOption {
        type = types.ints.between 0 1024;
        default = 64;
        example = 32;
        description = ''
          Size of {file}`notes.md`, in KiB, from which a short second session rewrites it shorter; the
          file before stays as {file}`notes.md.1`. `0`: never.
        '';
      };
    };

    wakeForOperator = mkOption {
      type = types.bool;
      default = true;
      example = false;
      description = "Whether a message from the operator ends a nap of the agent's.";
    };

    network = mkOption {
      type = types.enum [
        "private"
        "none"
        "host"
      ];
      default = "private";
      description = ''
        `private`: out through the host's address translation; `none`: nothing, not even the model's
        API; `host`: the host's own interfaces, without isolation.
      '';
    };

    nixDaemon = mkEnableOption ''
      builds by the agent with the host's Nix daemon. They run on the host: on its network, and
      beyond the container's limits'';

    binds = mkOption {
      type = types.listOf (types.submodule ./bind.nix);
      default = [ ];
      example = [
        {
          source = "/srv/shared";
          target = "/srv/shared";
        }
      ];
      description = "Paths of the host that the container sees.";
    };

    uidBase = orNone types.ints.unsigned {
      example = 1048576;
      description = "First host uid of the agent's range of 65536; null: computed from its name.";
    };

    extraNix = mkEnableOption ''
      an {file}`extra.nix` of free-form NixOS configuration beside the agent. It can undo any
      isolation that is configured inside the container'';
  };
}
