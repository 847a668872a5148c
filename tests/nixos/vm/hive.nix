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
            hive = "lab";
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
  builds = pkgs.writeShellScriptBin "nix" ''
    case "$*" in
    ${lib.concatLines (
      lib.mapAttrsToList (name: toplevel: "*/agents/${name}#*) echo ${toplevel};;") agents
    )}
    *) echo "not here: $*" >&2; exit 1;;
    esac
  '';
  # nix-env --profile PROFILE --set SYSTEM, where there is no store that Nix could write to.
  sets = pkgs.writeShellScriptBin "nix-env" ''
    ln --symbolic --force --no-dereference "$4" "$2"
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
    # Nobody answers there; a machine of a test has no name servers of its own.
    nameservers = [ "192.0.2.53" ];
    dashboard.port = 8710;
    agents = {
      alice = { };
      boss.role = "manager";
    };
  };

  # In the place of the real ones.
  systemd.services = lib.genAttrs [ "hyperhive-reconcile" "hyperhive-deploy@" ] (_: {
    path = lib.mkBefore [
      builds
      sets
    ];
  });

  # Somebody who has no part in the hive.
  users.users.stranger.isNormalUser = true;

  virtualisation = {
    # Containers see the store with mapped owners. Neither what machines of tests share with their host
    # nor an overlay over it can be mapped (NixOS/nixpkgs#454484); an image with a file system can.
    useNixStoreImage = true;
    writableStore = false;
    # All that the store has besides the machine's own system.
    additionalPaths = lib.attrValues agents ++ [
      claude
      pkgs.curl
      pkgs.iputils
    ];
    memorySize = 2048;
  };
}
