# The same configuration with the options of NixOS 26.11.
arguments: import ../../../nixos/lib/eval-config.nix (arguments // { release = "26.11"; })
