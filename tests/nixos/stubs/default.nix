# Packages that can be named and put together: every one is empty, but for `broken`, which does not build.
{ system, ... }:
let
  lib = import ./lib;

  # What a package of nixpkgs shows to those who use it.
  package =
    {
      pname,
      version ? "0",
      mainProgram ? pname,
      content ? "",
      script ? "echo > $out",
      ...
    }@attributes:
    derivation {
      name = "${pname}-${version}";
      inherit content system;
      builder = "/bin/sh";
      args = [
        "-c"
        script
      ];
    }
    // {
      inherit pname version;
      meta = {
        inherit mainProgram;
      }
      // attributes.meta or { };
      # What it was made from, for tests to look at.
      inherit attributes;
    };
  packages = lib.mapAttrs (pname: attributes: package ({ inherit pname; } // attributes));
  named = names: packages (lib.genAttrs names (_: { }));

  python3Packages =
    named (import ./python-packages.nix)
    // {
      buildPythonApplication = package;
    };

  pkgs =
    named (import ./packages.nix)
    // packages {
      broken.script = "echo 'main.c:7: error: no such thing' >&2; exit 1";
      claude-code.mainProgram = "claude";
      nftables.mainProgram = "nft";
    }
    // {
      python3 = package { pname = "python3"; } // {
        sitePackages = "lib/python3/site-packages";
      };
      inherit lib pkgs python3Packages;
      path = ./.;
      stdenv.hostPlatform = { inherit system; };
      callPackage =
        file: overrides:
        let
          function = import file;
        in
        function (lib.mapAttrs (name: _: pkgs.${name}) (removeAttrs (lib.functionArgs function) (builtins.attrNames overrides)) // overrides);
      extend = overlay: pkgs // overlay pkgs pkgs;

      # A test on virtual machines: each is evaluated, and must hold its own assertions.
      testers.runNixOSTest =
        test:
        let
          failed =
            node:
            let
              inherit
                (import ./nixos/lib/eval-config.nix {
                  inherit system;
                  modules = [ node ];
                })
                config
                ;
              broken = lib.filter (each: !each.assertion) config.assertions;
              made = [
                (lib.mapAttrs (_: unit: unit.serviceConfig) config.systemd.services)
                (lib.mapAttrs (_: file: "${file.source}") config.environment.etc)
                (map toString config.virtualisation.additionalPaths)
              ];
            in
            builtins.deepSeq made (map (each: each.message) broken);
        in
        package {
          pname = "vm-test-run-${test.name}";
          content = builtins.toJSON (lib.mapAttrs (_: failed) test.nodes);
          inherit (test) testScript;
        };
      writeShellScriptBin =
        name: script:
        package {
          pname = name;
          content = script;
        };
      mkShell = attributes: package ({ pname = "shell"; } // attributes);
      writeText =
        name: text:
        package {
          pname = name;
          content = text;
        };
      runCommand =
        name: _: script:
        package {
          pname = name;
          content = script;
        };
      formats.json = _: {
        type = lib.types.attrsOf lib.types.anything;
        generate = name: value: pkgs.writeText name (builtins.toJSON value);
      };
    };
in
pkgs
