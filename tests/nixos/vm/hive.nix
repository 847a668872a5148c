# A machine with a hive of two agents, for the tests beside this file: the project's own modules, with
# the scripted claude in the place of the real one.
{ self }:
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (pkgs.stdenv.hostPlatform) system;
  hyperhive = self.packages.${system}.default;

  # Answers the operator, and works for ten minutes when told to hold.
  script = ../../e2e/script.json;
  claude = pkgs.writeShellScriptBin "claude" ''
    export SCRIPTED_CLAUDE_SCRIPT=${script}
    program=${hyperhive}/${pkgs.python3.sitePackages}/hyperhive/testing/scripted_claude/__main__.py
    exec ${lib.getExe pkgs.python3} -I "$program" "$@"
  '';

  # What the agents' flakes would build: a machine without a network builds nothing.
  agent =
    name: role:
    (self.lib.agentSystem {
      inherit (self.inputs) nixpkgs;
      inherit system;
      modules = [
        {
          hyperhive.agent = {
            enable = true;
            inherit name role;
            claude = lib.getExe claude;
            model = "haiku";
            package = hyperhive;
          };
        }
      ];
    }).config.system.build.toplevel;
  agents = {
    alice = agent "alice" "agent";
    boss = agent "boss" "manager";
  };
  nix = pkgs.writeShellScriptBin "nix" ''
    case "$*" in
    ${lib.concatLines (
      lib.mapAttrsToList (name: toplevel: "*/agents/${name}#*) echo ${toplevel};;") agents
    )}
    *) echo "not here: $*" >&2; exit 1;;
    esac
  '';
in
{
  imports = [ self.nixosModules.default ];

  services.hyperhive = {
    enable = true;
    package = hyperhive;
    name = "lab";
    model = "haiku";
    claudePackage = claude;
    externalInterface = "eth1";
    dashboard.port = 8710;
    agents = {
      alice = { };
      boss.role = "manager";
    };
  };

  # Before the real one, which sets profiles.
  systemd.services = lib.genAttrs [ "hyperhive-reconcile" "hyperhive-deploy@" ] (_: {
    path = lib.mkBefore [ nix ];
  });
  virtualisation.additionalPaths = lib.attrValues agents ++ [ claude ];
  virtualisation.memorySize = 2048;
}
