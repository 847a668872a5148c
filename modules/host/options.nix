# The declared hive as options: the fields of [hive], and the agents (agents.nix).
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkEnableOption mkOption types;
  cfg = config.services.hyperhive;

  days =
    default: description:
    mkOption {
      type = types.ints.between 1 36500;
      inherit default description;
      example = 14;
    };

  notifyEvents = [
    "container_crash"
    "harness_crash"
    "question"
    "dead_letter"
    "needs_login"
    "loop_guard"
    "deployment_failed"
    "approval"
    "approval_failed"
  ];
in
{
  options.services.hyperhive = {
    enable = mkEnableOption "hyperhive, a hive of Claude Code agents in unprivileged containers";

    package = mkOption {
      type = types.package;
      default = pkgs.callPackage ../../pkgs/hyperhive { };
      defaultText = lib.literalExpression "pkgs.callPackage ./pkgs/hyperhive { }";
      description = "The hyperhive to run.";
    };

    claudePackage = mkOption {
      type = types.nullOr types.package;
      default = null;
      example = lib.literalExpression "pkgs.claude-code";
      description = ''
        The Claude Code that agents run, from the host's own packages, whose configuration must allow
        it, since it is not free; null: the one of the nixpkgs that agents are built from.
      '';
    };

    externalInterface = mkOption {
      type = types.nullOr (types.strMatching "[A-Za-z0-9_.:@-]{1,15}[*]?");
      default = config.networking.nat.externalInterface;
      defaultText = lib.literalExpression "config.networking.nat.externalInterface";
      example = "enp1s0";
      description = ''
        The interface through which agents with a private network reach the world; a `*` at the end
        stands for any ending. {command}`ip route show default` names it.
      '';
    };

    nameservers = mkOption {
      type = types.listOf (types.strMatching "[0-9]{1,3}([.][0-9]{1,3}){3}");
      default = [ ];
      example = [ "192.0.2.53" ];
      description = ''
        IPv4 addresses of the name servers of agents with a private network; empty: the host's own, as
        far as a container can reach them.
      '';
    };

    dashboard = {
      bind = mkOption {
        type = types.singleLineStr;
        default = "127.0.0.1";
        example = "192.0.2.10";
        description = ''
          Address that the dashboard listens on. Any other than the host's loopback needs
          {option}`services.hyperhive.dashboard.tokenFile`, and a port that the host's firewall opens.
        '';
      };
      port = mkOption {
        type = types.nullOr types.port;
        default = null;
        example = 8710;
        description = "Port of the dashboard; null: there is none.";
      };
      tokenFile = mkOption {
        type = types.nullOr (types.strMatching "/.*");
        default = null;
        example = "/run/secrets/hyperhive-token";
        description = ''
          File with the secret that a browser shows, readable by the user `hyperhive`, outside of the
          Nix store; null: one is made, in {file}`/var/lib/hyperhive/operator.token`.
        '';
      };
    };

    notify = {
      command = mkOption {
        type = types.listOf types.str;
        default = [ ];
        example = lib.literalExpression ''
          [
            (lib.getExe (
              pkgs.writeShellApplication {
                name = "tell-me";
                runtimeInputs = [ pkgs.curl pkgs.jq ];
                text = "jq -r .text | curl --fail --silent --data-binary @- https://ntfy.example.org/my-hive";
              }
            ))
          ]
        '';
        description = ''
          The operator's own program, by its absolute path, and its arguments, run when the hive needs
          the operator; it gets one JSON object on its standard input. Empty: none. They are
          world-readable: no secrets here.

          It runs in `hyperhive-notify.service`, as the user `hyperhive-notify`, with a network and
          without {file}`/home`. It is in the group `hyperhive`, so it may do what the operator may.
        '';
      };
      events = mkOption {
        type = types.listOf (types.enum notifyEvents);
        default = notifyEvents;
        example = [
          "container_crash"
          "question"
        ];
        description = "What it is run for.";
      };
    };

    name = mkOption {
      type = types.strMatching "[a-z][a-z0-9-]{0,30}";
      example = "lab";
      description = "The hive's name.";
    };

    model = mkOption {
      type = types.str;
      default = "sonnet";
      example = "claude-sonnet-5-5";
      description = "The model of agents that name none.";
    };

    systemPrompt = mkOption {
      type = types.lines;
      default = "";
      example = "Write in plain English.";
      description = "Added to the system prompt of every agent.";
    };

    agents = mkOption {
      type = types.attrsOf (types.submodule ./agents.nix);
      default = { };
      example = lib.literalExpression ''
        {
          manager.role = "manager";
          alice = {
            description = "Writes and tests the parser";
            model = "opus";
            bash.allow = [ "git status" "make test" ];
            packages = [ "ripgrep" "jq" ];
          };
        }
      '';
      description = ''
        The agents by name: at most 9 characters, a lower-case letter first, then letters, digits
        and hyphens.
      '';
    };

    settings = mkOption {
      default = { };
      description = ''
        What holds for the whole hive besides its name, model and system prompt: further members of
        `hive` in {file}`/etc/hyperhive/hive.json`, under the names they have there.
      '';
      type = types.submodule {
        freeformType = (pkgs.formats.json { }).type;
        options = {
          description = mkOption {
            type = types.singleLineStr;
            default = "";
            example = "Our parser lab";
            description = "What the hive is for, in one line.";
          };
          system = mkOption {
            type = types.enum [
              "aarch64-linux"
              "x86_64-linux"
            ];
            default = pkgs.stdenv.hostPlatform.system;
            defaultText = lib.literalExpression "pkgs.stdenv.hostPlatform.system";
            description = "The platform that agents are built for.";
          };
          state_version = mkOption {
            type = types.strMatching "[0-9]{2}[.](05|11)";
            default = "26.05";
            description = "`system.stateVersion` of the containers: the release they began with.";
          };
          inputs = {
            nixpkgs = mkOption {
              type = types.str;
              default =
                let
                  source = config.nixpkgs.flake.source;
                in
                if source == null then "flake:nixpkgs" else "path:${source}";
              defaultText = lib.literalMD "the nixpkgs that the host itself is built from, where that is a flake";
              example = "github:NixOS/nixpkgs/nixos-26.05";
              description = "The nixpkgs that agents are built from, as a flake reference.";
            };
            hyperhive = mkOption {
              type = types.str;
              default = "flake:hyperhive";
              defaultText = lib.literalMD "the flake that this module comes from";
              example = "path:/etc/nixos/hyperhive";
              description = "The hyperhive that agents are built with, as a flake reference.";
            };
          };
          retention = {
            messages = days 30 ''
              Days after which an acknowledged message is removed; one that is not acknowledged never
              is.
            '';
            events = days 90 "Days after which an event is removed: what changed in the hive, and why.";
            stream_events = days 7 ''
              Days after which the stream of a turn is removed: what claude said and did there, word
              by word.
            '';
            stream_events_per_agent = mkOption {
              type = types.ints.between 1000 10000000;
              default = 20000;
              example = 5000;
              description = ''
                Events of that stream kept for each agent, the newest ones, however young the others
                are.
              '';
            };
            turns = days 365 ''
              Days after which the record of a turn is removed: when it ran, how it ended and what it
              used.
            '';
          };
          spawn = import ./spawn.nix { inherit lib; };
          loop_guard = {
            answers = mkOption {
              type = types.ints.between 0 1000;
              default = 40;
              example = 20;
              description = ''
                How often two agents may answer each other within
                {option}`services.hyperhive.settings.loop_guard.minutes` before both are paused and the
                operator is told. A message of the operator's to either of them begins the count anew.
                `0`: no guard.
              '';
            };
            minutes = mkOption {
              type = types.ints.between 1 1440;
              default = 10;
              example = 5;
              description = "The minutes within which their answers are counted.";
            };
          };
        };
      };
    };

    hive = mkOption {
      type = types.attrs;
      internal = true;
      readOnly = true;
      description = "The whole declared hive, as hive.json holds it.";
    };
  };

  config = lib.mkIf cfg.enable {
    environment.systemPackages = [
      cfg.package
      # `hyperhive doctor` looks at the kernel's rules.
      pkgs.nftables
    ];
  };
}
