# Types of options: what a value must be, and how several definitions become one.
{ lib }:
let
  inherit (builtins)
    all
    concatMap
    elem
    filter
    head
    isAttrs
    isBool
    isFunction
    isInt
    isPath
    isString
    length
    ;
  inherit (lib) hasPrefix last showOption;

  type =
    attributes:
    {
      _type = "option-type";
      merge = mergeEqual;
      # The options of a submodule somewhere inside, and where they stand: for documentation.
      nested = path: {
        inherit path;
        options = { };
      };
    }
    // attributes;

  mergeEqual =
    path: values:
    if all (value: value == head values) values then
      head values
    else
      throw "The option `${showOption path}' has conflicting definition values.";
  mergeOne =
    path: values:
    if length values == 1 then
      head values
    else
      throw "The option `${showOption path}' is defined multiple times while it's expected to be unique.";

  # Members of several sets, each merged from those of its definitions that hold.
  mergeMembers =
    elementType: path: values:
    let
      sets = concatMap lib.pushDown values;
      names = lib.unique (concatMap builtins.attrNames sets);
      of = name: concatMap (set: lib.optional (set ? ${name}) set.${name}) sets;
      held = filter (name: concatMap lib.discharge (of name) != [ ]) names;
    in
    lib.genAttrs held (
      name: lib.mergeDefinitions (path ++ [ name ]) { type = elementType; } (of name)
    );
in
rec {
  raw = type {
    description = "raw value";
    check = _: true;
    merge = mergeOne;
  };
  anything = type {
    description = "anything";
    check = _: true;
    merge =
      path: values:
      if all (value: isAttrs value && !(value ? outPath)) values then
        mergeMembers anything path values
      else
        mergeEqual path values;
  };
  bool = type {
    description = "boolean";
    check = isBool;
  };
  int = type {
    description = "signed integer";
    check = isInt;
  };
  ints = rec {
    unsigned = addCheck int (value: value >= 0) // {
      description = "unsigned integer, meaning >=0";
    };
    positive = addCheck int (value: value > 0) // {
      description = "positive integer, meaning >0";
    };
    between =
      low: high:
      addCheck int (value: low <= value && value <= high)
      // {
        description = "integer between ${toString low} and ${toString high} (both inclusive)";
      };
  };
  port = ints.between 0 65535 // {
    description = "16 bit unsigned integer; between 0 and 65535 (both inclusive)";
  };
  str = type {
    description = "string";
    check = isString;
  };
  singleLineStr = strMatching "[^\n\r]*\n?" // {
    description = "(optionally newline-terminated) single-line string";
    merge = path: values: lib.removeSuffix "\n" (mergeEqual path values);
  };
  strMatching =
    pattern:
    addCheck str (value: builtins.match pattern value != null)
    // {
      description = "string matching the pattern ${pattern}";
    };
  lines = type {
    description = "strings concatenated with \"\\n\"";
    check = isString;
    merge = _: builtins.concatStringsSep "\n";
  };
  path = type {
    description = "path";
    check = value: isPath value || (isString value && hasPrefix "/" value) || value ? outPath;
  };
  package = type {
    description = "package";
    check = value: value ? outPath;
  };
  enum =
    values:
    type {
      description = "one of ${lib.concatMapStringsSep ", " builtins.toJSON values}";
      check = value: elem value values;
    };
  addCheck = base: extra: base // { check = value: base.check value && extra value; };
  nullOr =
    inner:
    type {
      description = "null or ${inner.description}";
      check = value: value == null || inner.check value;
      merge =
        path: values:
        if all (value: value == null) values then
          null
        else if elem null values then
          throw "The option `${showOption path}' is defined both null and not null."
        else
          inner.merge path values;
      inherit (inner) nested;
    };
  either =
    a: b:
    type {
      description = "${a.description} or ${b.description}";
      check = value: a.check value || b.check value;
      merge =
        path: values: if all a.check values then a.merge path values else b.merge path values;
    };
  oneOf = choices: lib.foldl' either (head choices) (builtins.tail choices);
  listOf =
    inner:
    type {
      description = "list of ${inner.description}";
      check = builtins.isList;
      emptyValue = [ ];
      merge =
        path: values:
        concatMap (
          list:
          concatMap (
            element:
            map (found: lib.mergeDefinitions path { type = inner; } [ found.value ]) (
              lib.discharge element
            )
          ) list
        ) values;
      nested = path: inner.nested (path ++ [ "*" ]);
    };
  attrsOf =
    inner:
    type {
      description = "attribute set of ${inner.description}";
      check = isAttrs;
      emptyValue = { };
      merge = mergeMembers inner;
      nested = path: inner.nested (path ++ [ "<name>" ]);
    };
  lazyAttrsOf = inner: attrsOf inner // {
    description = "lazy attribute set of ${inner.description}";
  };
  attrs = attrsOf anything;
  submodule =
    module:
    let
      evaluate =
        path: more:
        lib.evalModules {
          prefix = path;
          specialArgs.name = last path;
          modules = [ module ] ++ more;
        };
    in
    type {
      description = "submodule";
      check = value: isAttrs value || isFunction value || isPath value;
      merge =
        path: values:
        (evaluate path (
          map (value: if isAttrs value then { config = value; } else value) values
        )).config;
      nested = path: {
        inherit path;
        inherit (evaluate path [ ]) options;
      };
    };
}
