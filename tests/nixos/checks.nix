# What `nix flake check` builds: the package, a host with a hive, an agent of that hive, and what they do
# together on virtual machines (vm/).
{ pkgs, self }:
let
  inherit (pkgs) lib;
  inherit (pkgs.stdenv.hostPlatform) system;

  host = self.inputs.nixpkgs.lib.nixosSystem {
    modules = [
      self.nixosModules.default
      {
        nixpkgs.hostPlatform = system;
        services.hyperhive = {
          enable = true;
          name = "check";
          externalInterface = "eth0";
          agents.manager.role = "manager";
          agents.alice = {
            bash.allow = [ "git status" ];
            packages = [ "ripgrep" ];
          };
        };
      }
    ];
  };
  agent = self.lib.agentSystem {
    inherit (self.inputs) nixpkgs;
    inherit system;
    modules = [
      {
        hyperhive.agent = {
          enable = true;
          hive = "check";
          model = "sonnet";
          name = "alice";
        };
      }
    ];
  };

  onMachines =
    names: lib.genAttrs names (name: import (./vm + "/${name}.nix") { inherit pkgs self; });
in
{
  package = self.packages.${system}.default;
  # The declared hive passes `hyperhive check` while it is built.
  hive = host.config.environment.etc."hyperhive/hive.json".source;
  agent = pkgs.writeText "agent.json" agent.config.environment.etc."hyperhive/agent.json".text;
}
// onMachines [
  "comes-up"
  "crash"
  "firewall"
  "nobody"
  "reconcile"
]
