from tests.e2e.hive import Hive
def test_x(hive: Hive) -> None:
    id = hive.send("alice","hello")
    print(hive.wait_mail("alice got: hello"))
    print(hive.inside("alice",["ps","axf"]).stdout)
    assert 0
