# What `nix flake check` builds: the package, a host with a hive, and an agent of that hive.
{ pkgs, self }:
let
  inherit (pkgs.stdenv.hostPlatform) system;

  host = self.inputs.nixpkgs.lib.nixosSystem {
    modules = [
      self.nixosModules.default
      {
        nixpkgs.hostPlatform = system;
        services.hyperhive = {
          enable = true;
          name = "check";
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
          model = "sonnet";
          name = "alice";
        };
      }
    ];
  };
in
{
  package = self.packages.${system}.default;
  # The declared hive passes `hyperhive check` while it is built.
  hive = host.config.environment.etc."hyperhive/hive.json".source;
  agent = pkgs.writeText "agent.json" agent.config.environment.etc."hyperhive/agent.json".text;
}
