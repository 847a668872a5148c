{
  lib,
  python3Packages,
}:
let
  root = ../..;
  source = ./src/hyperhive/__init__.py;
  # The version has one place, which Python reads too.
  version = lib.head (builtins.match ".*__version__ = \"([^\"]+)\".*" (lib.readFile source));
in
python3Packages.buildPythonApplication {
  pname = "hyperhive";
  inherit version;
  pyproject = true;

  # The templates stand at the top of the repository, the package has a link to them.
  src = lib.fileset.toSource {
    inherit root;
    fileset = lib.fileset.unions [
      ./pyproject.toml
      ./src
      (root + "/templates")
    ];
  };
  sourceRoot = "source/pkgs/hyperhive";

  build-system = [ python3Packages.hatchling ];

  dependencies = lib.attrValues {
    inherit (python3Packages)
      click
      dbus-python
      fastapi
      httpx
      jeepney
      jinja2
      mcp
      pydantic
      sqlite-utils
      sse-starlette
      systemd-python
      tomlkit
      uvicorn
      ;
  };

  # Where packages keep texts for the journal; modules/host shows it to journalctl.
  postInstall = ''
    install -D --mode=0444 src/hyperhive/hyperhive.catalog --target-directory=$out/lib/systemd/catalog
  '';

  pythonImportsCheck = [ "hyperhive" ];

  meta = {
    description = "A hive of Claude Code agents in unprivileged NixOS containers";
    license = lib.licenses.mit;
    mainProgram = "hyperhive";
    platforms = lib.platforms.linux;
  };
}
