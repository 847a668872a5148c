# The first host uid of an agent that declares none: the SHA-256 of its name, as a number, picks one of
# the ranges that systemd keeps for containers. hive/uids.py computes the same.
{ lib }:
let
  first = 524288;
  last = 1878982656;
  size = 65536;
  slots = (last - first) / size + 1;

  digits = lib.listToAttrs (
    lib.imap0 (value: digit: lib.nameValuePair digit value) (lib.stringToCharacters "0123456789abcdef")
  );
  # The hash is larger than Nix's integers: the remainder is carried from digit to digit.
  remainder = lib.foldl' (carried: digit: lib.mod (carried * 16 + digits.${digit}) slots) 0;
in
{
  inherit first last size;

  of = name: first + size * remainder (lib.stringToCharacters (builtins.hashString "sha256" name));

  valid = base: first <= base && base <= last && lib.mod base size == 0;
}
