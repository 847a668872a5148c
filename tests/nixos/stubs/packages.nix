# Names of packages, as in nixpkgs.
[
  "bashInteractive"
  "curl"
  "git"
  "github-mcp-server"
  "iputils"
  "jq"
  "nix"
  "nixfmt-tree"
  "ripgrep"
  "systemd"
]
