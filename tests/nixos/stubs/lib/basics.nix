# Functions on lists, sets and strings.
let
  inherit (builtins)
    attrNames
    concatLists
    concatMap
    concatStringsSep
    elemAt
    filter
    foldl'
    genList
    isList
    isString
    length
    listToAttrs
    map
    match
    replaceStrings
    split
    stringLength
    substring
    ;
in
rec {
  inherit (builtins)
    all
    any
    attrNames
    attrValues
    concatLists
    concatMap
    concatStringsSep
    elem
    elemAt
    filter
    foldl'
    fromJSON
    functionArgs
    hasAttr
    head
    isAttrs
    isBool
    isFunction
    isInt
    isList
    isString
    length
    listToAttrs
    mapAttrs
    match
    readFile
    removeAttrs
    replaceStrings
    stringLength
    tail
    toJSON
    ;

  id = x: x;

  nameValuePair = name: value: { inherit name value; };
  mapAttrs' = f: set: listToAttrs (map (name: f name set.${name}) (attrNames set));
  mapAttrsToList = f: set: map (name: f name set.${name}) (attrNames set);
  filterAttrs =
    keep: set:
    listToAttrs (
      concatMap (name: if keep name set.${name} then [ (nameValuePair name set.${name}) ] else [ ]) (
        attrNames set
      )
    );
  genAttrs = names: f: listToAttrs (map (name: nameValuePair name (f name)) names);
  attrByPath =
    path: default: set:
    if path == [ ] then
      set
    else if builtins.isAttrs set && set ? ${builtins.head path} then
      attrByPath (builtins.tail path) default set.${builtins.head path}
    else
      default;
  hasAttrByPath =
    path: set:
    path == [ ]
    || (
      builtins.isAttrs set
      && set ? ${builtins.head path}
      && hasAttrByPath (builtins.tail path) set.${builtins.head path}
    );

  optional = condition: value: if condition then [ value ] else [ ];
  optionals = condition: list: if condition then list else [ ];
  optionalString = condition: string: if condition then string else "";
  optionalAttrs = condition: set: if condition then set else { };

  unique = foldl' (seen: value: if builtins.elem value seen then seen else seen ++ [ value ]) [ ];
  groupBy = builtins.groupBy;

  imap0 = f: list: genList (at: f at (elemAt list at)) (length list);
  concatLines = lines: concatStringsSep "\n" lines + "\n";
  concatMapStringsSep =
    separator: f: list:
    concatStringsSep separator (map f list);
  splitString =
    separator: string: filter isString (split (escapeRegex separator) string);
  escapeRegex = replaceStrings [ "." "+" "*" "?" "(" ")" "[" "]" "{" "}" "|" "^" "$" "\\" ] [
    "\\."
    "\\+"
    "\\*"
    "\\?"
    "\\("
    "\\)"
    "\\["
    "\\]"
    "\\{"
    "\\}"
    "\\|"
    "\\^"
    "\\$"
    "\\\\"
  ];
  hasPrefix = prefix: string: substring 0 (stringLength prefix) string == prefix;
  hasSuffix =
    suffix: string:
    let
      rest = stringLength string - stringLength suffix;
    in
    rest >= 0 && substring rest (stringLength suffix) string == suffix;
  hasInfix = infix: string: length (split (escapeRegex infix) string) > 1;
  stringToCharacters = string: genList (at: substring at 1 string) (stringLength string);
  removeSuffix =
    suffix: string:
    if hasSuffix suffix string then
      substring 0 (stringLength string - stringLength suffix) string
    else
      string;
  mod = a: b: a - b * (a / b);

  escapeShellArg =
    value:
    let
      string = toString value;
    in
    if match "[[:alnum:],._+:@%/-]+" string != null then
      string
    else
      "'${replaceStrings [ "'" ] [ "'\\''" ] string}'";
  escapeShellArgs = concatMapStringsSep " " escapeShellArg;

  getExe' = package: program: "${package}/bin/${program}";
  getExe =
    package:
    getExe' package (package.meta.mainProgram or (throw "${package.name} has no meta.mainProgram"));
  getName = package: package.pname or package.name;

  literalExpression = text: {
    _type = "literalExpression";
    inherit text;
  };

  showOption = concatStringsSep ".";
  last = list: elemAt list (length list - 1);
  literalMD = text: {
    _type = "literalMD";
    inherit text;
  };

  versionAtLeast = version: least: builtins.compareVersions version least >= 0;

  trivial.release = "26.05";
  licenses.mit.spdxId = "MIT";
  platforms.linux = [
    "aarch64-linux"
    "x86_64-linux"
  ];

  fileset = {
    unions = map (
      path: if builtins.pathExists path then path else throw "fileset: ${toString path} does not exist"
    );
    toSource = { root, fileset }: builtins.seq (map toString fileset) (toString root);
  };
}
