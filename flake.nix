{
  description = "hyperhive: a hive of Claude Code agents in unprivileged NixOS containers";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;

      systems = [
        "aarch64-linux"
        "x86_64-linux"
      ];
      forSystems = f: lib.genAttrs systems (system: f nixpkgs.legacyPackages.${system});

      # A NixOS system for an agent's container, as the rendered flakes ask for it.
      agentSystem =
        {
          nixpkgs,
          system,
          modules ? [ ],
          specialArgs ? { },
        }:
        nixpkgs.lib.nixosSystem {
          inherit specialArgs;
          modules = [
            self.nixosModules.agent
            { nixpkgs.hostPlatform = system; }
          ]
          ++ modules;
        };
    in
    {
      lib = { inherit agentSystem; };

      nixosModules = {
        agent.imports = [ ./modules/agent ];
        default = self.nixosModules.hyperhive;
        hyperhive = {
          imports = [ ./modules ];
          # Agents run the hyperhive that their host runs.
          services.hyperhive.settings.inputs.hyperhive = lib.mkDefault "path:${self.outPath}";
        };
      };

      overlays.default = final: _: { hyperhive = final.callPackage ./pkgs/hyperhive { }; };

      packages = forSystems (pkgs: rec {
        default = hyperhive;
        hyperhive = pkgs.callPackage ./pkgs/hyperhive { };
      });

      apps = forSystems (pkgs: {
        default = {
          type = "app";
          program = lib.getExe self.packages.${pkgs.stdenv.hostPlatform.system}.default;
          meta.description = "The hyperhive command";
        };
      });

      checks = forSystems (
        pkgs:
        import ./tests/nixos/checks.nix {
          inherit pkgs self;
        }
      );

      devShells = forSystems (pkgs: {
        default = pkgs.mkShell {
          # `make setup` does the rest: the tests run on locked versions from PyPI.
          packages = [
            pkgs.git
            pkgs.nix
            pkgs.nixfmt-tree
            pkgs.python3
          ];
        };
      });

      formatter = forSystems (pkgs: pkgs.nixfmt-tree);
    };
}
