# Names of packages, as in nixpkgs.
[
  "bashInteractive"
  "git"
  "github-mcp-server"
  "jq"
  "nix"
  "nixfmt-tree"
  "python3"
  "ripgrep"
  "systemd"
]
