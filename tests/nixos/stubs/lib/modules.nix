# Evaluating modules: option declarations on one side, definitions on the other.
{ lib }:
let
  inherit (builtins)
    attrNames
    concatMap
    filter
    foldl'
    functionArgs
    hasAttr
    isAttrs
    isFunction
    mapAttrs
    removeAttrs
    ;
  inherit (lib) isOption showOption;

  structured = [
    "_class"
    "_file"
    "config"
    "freeformType"
    "imports"
    "key"
    "options"
  ];

  # Declarations of two modules as one tree.
  mergeTrees =
    path: a: b:
    a
    // mapAttrs (
      name: new:
      let
        here = path ++ [ name ];
      in
      if !(a ? ${name}) then
        new
      else if isOption new || isOption a.${name} then
        throw "The option `${showOption here}' is already declared."
      else
        mergeTrees here a.${name} new
    ) b;
in
{
  evalModules =
    {
      modules,
      specialArgs ? { },
      prefix ? [ ],
      ...
    }:
    let
      known = {
        inherit lib config options;
      }
      // specialArgs;

      # A module as given (a path, a function, a set) to its set.
      load =
        module:
        if isFunction module then
          let
            wanted = functionArgs module;
          in
          module (
            if wanted == { } then
              known
            else
              mapAttrs (name: _: known.${name} or config._module.args.${name}) (
                filterOptional wanted
              )
          )
        else if isAttrs module then
          module
        else
          load (import module);
      # An argument that has a default in the module is left to it unless we know it.
      filterOptional =
        wanted:
        removeAttrs wanted (filter (name: wanted.${name} && !(known ? ${name})) (attrNames wanted));

      normal =
        module:
        if module ? config || module ? options then
          let
            stray = attrNames (removeAttrs module structured);
          in
          if stray != [ ] then
            throw "Module has an unsupported attribute `${builtins.head stray}'."
          else
            module
        else
          {
            imports = module.imports or [ ];
            config = removeAttrs module (filter (name: name != "config") structured);
            freeformType = module.freeformType or null;
          };
      collect =
        module:
        let
          loaded = normal (load module);
        in
        [ loaded ] ++ concatMap collect (loaded.imports or [ ]);
      all = concatMap collect modules;

      freeformTypes = filter (type: type != null) (map (module: module.freeformType or null) all);

      options = foldl' (mergeTrees prefix) {
        _module.args = lib.mkOption {
          type = lib.types.lazyAttrsOf lib.types.raw;
          default = { };
          internal = true;
          description = "Further arguments of every module.";
        };
      } (map (module: module.options or { }) all);

      evaluate =
        path: tree: definitions:
        if isOption tree then
          lib.mergeDefinitions path tree definitions
        else
          let
            sets = concatMap lib.pushDown definitions;
            unknown = filter (name: !(hasAttr name tree)) (concatMap attrNames sets);
            of = name: concatMap (set: lib.optional (hasAttr name set) set.${name}) sets;
            declared = mapAttrs (name: subtree: evaluate (path ++ [ name ]) subtree (of name)) tree;
          in
          if unknown == [ ] then
            declared
          else if path == prefix && freeformTypes != [ ] then
            declared
            // (builtins.head freeformTypes).merge path (
              map (set: removeAttrs set (attrNames tree)) sets
            )
          else
            throw "The option `${showOption (path ++ [ (builtins.head unknown) ])}' does not exist.";

      config = evaluate prefix options (map (module: module.config or { }) all);
    in
    {
      inherit options;
      config = removeAttrs config [ "_module" ];
      _type = "configuration";
    };
}
